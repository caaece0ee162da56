"""The objective of DALBT: cross-entropy on clean images plus weighted Barlow Twins on their views."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dalbt_ray.losses.barlow_twins import barlow_twins_loss
from dalbt_ray.objectives.two_views import TwoViews
from dalbt_ray.options.ranges import NotNegative


@dataclass(frozen=True, kw_only=True)
class Joint(TwoViews):
    """Cross-entropy + `self_supervised_weight` x Barlow Twins: equations 1 and 2 of the paper.

    Attributes:
        self_supervised_weight: gamma, the paper's "barlow twins constant of 0.001". [paper, 4.1]
        redundancy_weight: lambda, of the off-diagonal terms; the paper gives none. [Zbontar et al. 2021]
    """

    name: ClassVar[str] = "joint"
    capturable: ClassVar[bool] = True
    redundancy_weight: NotNegative = 0.0051

    def self_supervised(self, a: Tensor, b: Tensor) -> Tensor:
        """Barlow Twins."""
        return barlow_twins_loss(a, b, self.redundancy_weight)
