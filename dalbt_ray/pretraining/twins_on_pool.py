"""Barlow Twins on the whole pool, before the first label counts."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from dalbt_ray.losses.barlow_twins import barlow_twins_loss
from dalbt_ray.options.ranges import AtLeastTwo, Count, NotNegative
from dalbt_ray.options.value import changed_default
from dalbt_ray.pretraining.pretraining import Pretraining


@dataclass(frozen=True, kw_only=True)
class TwinsOnPool(Pretraining):
    """Barlow Twins (Zbontar et al. 2021) on every image of the pool, whose labels nobody needs.

    The views are the trial's `views`, which should suit the images: BYOL's crops and flips make other digits of digits.

    Attributes:
        then: "linear_head" trains a classifier on features that stay what they are, "fine_tune" all layers.
        epochs: passes over labeled and unlabeled images alike.
        batch_size: images of a step. MNIST with views for digits, 100 labels, one seed's validation images: a linear
            head has 84.8 % after steps of 128 and 82.1 % after steps of 256, fine-tuning 88.6 and 88.0 %.
        learning_rate: the peak of Adam's one cycle.
        weight_decay: Adam's L2 term.
        redundancy_weight: lambda, of the off-diagonal terms. [Zbontar et al. 2021]
    """

    name: ClassVar[str] = "barlow_twins"
    then: Literal["linear_head", "fine_tune"] = "linear_head"
    epochs: Count = 5
    batch_size: AtLeastTwo = changed_default(128, introduced=256)  # noqa: RUF009
    learning_rate: NotNegative = 3e-3
    weight_decay: NotNegative = 1e-5
    redundancy_weight: NotNegative = 0.0051

    def loss(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        """The Barlow Twins loss over the global batch."""
        return barlow_twins_loss(z_a, z_b, self.redundancy_weight)
