"""Objectives that add a self-supervised term on two views of an image to the cross-entropy of its label."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dalbt_ray.losses.cross_entropy import cross_entropy
from dalbt_ray.objectives.objective import Objective, ViewedImages
from dalbt_ray.options.ranges import NotNegative


@dataclass(frozen=True, kw_only=True)
class TwoViews(Objective):
    """Cross-entropy on clean images + `self_supervised_weight` x a term on projections of two views.

    Attributes:
        self_supervised_weight: gamma, of the self-supervised term.
        self_supervised_data: images whose views enter that term: the batch itself ("labeled") or as many drawn from
            labeled and unlabeled images alike. [paper, algorithm 1]
    """

    needs_views: ClassVar[bool] = True
    cost: ClassVar[float] = 3.0
    self_supervised_weight: NotNegative = 1e-3
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
        return supervised + self.self_supervised_weight * self.self_supervised(*projections)

    @abstractmethod
    def self_supervised(self, a: Tensor, b: Tensor) -> Tensor:
        """The term, float[], of projections float[m, p] of views a and b of the same m images."""
