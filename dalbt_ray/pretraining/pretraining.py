"""What a pretraining is: a frozen value that says how an encoder learns from images before it is shown a label."""

from abc import abstractmethod
from typing import ClassVar, Literal

from torch import Tensor

from dalbt_ray.errors import InputError
from dalbt_ray.models.encoder import Encoder
from dalbt_ray.objectives import Objective
from dalbt_ray.options.ranges import AtLeastTwo, Count, NotNegative
from dalbt_ray.options.value import Named


class Pretraining(Named):
    """Base of all pretrainings. A subclass is a frozen dataclass whose fields are its options.

    One pretraining serves every round and every trial of a seed and pool: what it learns is kept as safetensors.

    Attributes:
        happens: whether there is one.
        then: what a round trains on the pretrained encoder: its classifier alone, on features that stay what they are
            ("linear_head"), or everything ("fine_tune").
        epochs: passes over the images of the pool, labeled and unlabeled alike.
        batch_size: images of a step.
        learning_rate: the peak of Adam's one cycle.
        weight_decay: Adam's L2 term.
    """

    path: ClassVar[str] = "pretraining"
    happens: ClassVar[bool] = True
    then: Literal["linear_head", "fine_tune"]
    epochs: Count
    batch_size: AtLeastTwo
    learning_rate: NotNegative
    weight_decay: NotNegative

    @abstractmethod
    def loss(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        """What a step minimizes, float[]: projections float[b, p] of two views of the same images."""

    def steps(self, images: int) -> int:
        """Steps over a pool of `images`."""
        return self.epochs * (-(-images // self.batch_size)) if self.happens else 0

    def check_fits(self, objective: Objective, encoder: Encoder, *, plain: bool) -> None:
        """Refuse what cannot go together.

        Args:
            objective: what rounds minimize.
            encoder: what is to be pretrained.
            plain: whether rounds train a network without dropout, a law of the latent or other networks beside it.

        Raises:
            InputError: an encoder that embeds each image once; on fixed features, an objective or a learner that would
                train the encoder.
        """
        if not self.happens:
            return
        if encoder.embedding is not None:
            problem = f"wants views of images, and the encoder {encoder.name} embeds each image once"
            raise InputError("pretraining", self.name, problem, remedy="take an encoder that is trained")
        if self.then == "linear_head" and not (plain and objective.is_cross_entropy):
            problem = "trains a linear classifier alone, and objective or learner mean to train the encoder"
            remedy = (
                "take pretraining.then=fine_tune, or the objective supervised and a learner without dropout, "
            )
            remedy += "variance or other networks"
            raise InputError("pretraining.then", self.then, problem, remedy=remedy)
