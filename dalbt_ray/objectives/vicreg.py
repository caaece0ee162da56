"""Cross-entropy plus VICReg on two views: another answer to the collapse that Barlow Twins prevents."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dalbt_ray.losses.cross_entropy import cross_entropy
from dalbt_ray.losses.variance_covariance import vicreg_terms
from dalbt_ray.objectives.objective import Objective, ViewedImages
from dalbt_ray.options.ranges import NotNegative


@dataclass(frozen=True, kw_only=True)
class Vicreg(Objective):
    """Cross-entropy + `self_supervised_weight` x VICReg, as Bardes et al. 2022 weigh its terms.

    Attributes:
        self_supervised_weight: of the three terms together, as gamma of the joint loss; no paper gives one for training
            beside labels.
        invariance: weight of the distance between views. [Bardes et al. 2022, 4.2]
        variance: weight of the hinge on each feature's standard deviation. [Bardes et al. 2022, 4.2]
        covariance: weight of the covariances between features. [Bardes et al. 2022, 4.2]
        self_supervised_data: images whose views enter: the batch itself, or as many of labeled and unlabeled alike.
    """

    name: ClassVar[str] = "vicreg"
    needs_views: ClassVar[bool] = True
    cost: ClassVar[float] = 3.0
    self_supervised_weight: NotNegative = 1e-3
    invariance: NotNegative = 25.0
    variance: NotNegative = 25.0
    covariance: NotNegative = 1.0
    self_supervised_data: ViewedImages = "labeled"

    @property
    def viewed_images(self) -> ViewedImages:
        """As the option says."""
        return self.self_supervised_data

    def loss(self, logits: Tensor, labels: Tensor, projections: tuple[Tensor, Tensor] | None) -> Tensor:
        """The weighted sum."""
        supervised = cross_entropy(logits, labels)
        if projections is None:
            return supervised
        terms = vicreg_terms(*projections)
        regularizer = (
            self.invariance * terms.invariance
            + self.variance * terms.variance
            + self.covariance * terms.covariance
        )
        return supervised + self.self_supervised_weight * regularizer
