"""The objective of DALBT: cross-entropy on clean images plus weighted Barlow Twins on their views."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dalbt_ray.losses.barlow_twins import barlow_twins_loss
from dalbt_ray.losses.cross_entropy import cross_entropy
from dalbt_ray.objectives.objective import Objective, ViewedImages
from dalbt_ray.options.ranges import NotNegative


@dataclass(frozen=True, kw_only=True)
class Joint(Objective):
    """Cross-entropy + `self_supervised_weight` x Barlow Twins: equations 1 and 2 of the paper.

    Attributes:
        self_supervised_weight: gamma, the paper's "barlow twins constant of 0.001". [paper, 4.1]
        redundancy_weight: lambda, of the off-diagonal terms; the paper gives none. [Zbontar et al. 2021]
        self_supervised_data: images whose views enter the Barlow Twins term: the batch itself ("labeled") or as many
            drawn from labeled and unlabeled images alike. [paper, algorithm 1]
    """

    name: ClassVar[str] = "joint"
    needs_views: ClassVar[bool] = True
    cost: ClassVar[float] = 3.0
    self_supervised_weight: NotNegative = 1e-3
    redundancy_weight: NotNegative = 0.0051
    self_supervised_data: ViewedImages = "labeled"

    @property
    def viewed_images(self) -> ViewedImages:
        """As the option says."""
        return self.self_supervised_data

    def loss(self, logits: Tensor, labels: Tensor, projections: tuple[Tensor, Tensor] | None) -> Tensor:
        """The weighted sum; see the losses for what is summed over workers."""
        supervised = cross_entropy(logits, labels)
        if projections is None:
            return supervised
        twins = barlow_twins_loss(*projections, self.redundancy_weight)
        return supervised + self.self_supervised_weight * twins
