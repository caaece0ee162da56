"""Cross-entropy plus VICReg on two views: another answer to the collapse that Barlow Twins prevents."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dalbt_ray.losses.variance_covariance import vicreg_terms
from dalbt_ray.objectives.two_views import TwoViews
from dalbt_ray.options.ranges import NotNegative


@dataclass(frozen=True, kw_only=True)
class Vicreg(TwoViews):
    """Cross-entropy + `self_supervised_weight` x VICReg, as Bardes et al. 2022 weigh its terms.

    Attributes:
        self_supervised_weight: of the three terms together, as gamma of the joint loss; no paper gives one for training
            beside labels.
        invariance: weight of the distance between views. [Bardes et al. 2022, 4.2]
        variance: weight of the hinge on each feature's standard deviation. [Bardes et al. 2022, 4.2]
        covariance: weight of the covariances between features. [Bardes et al. 2022, 4.2]
    """

    name: ClassVar[str] = "vicreg"
    invariance: NotNegative = 25.0
    variance: NotNegative = 25.0
    covariance: NotNegative = 1.0

    def self_supervised(self, a: Tensor, b: Tensor) -> Tensor:
        """The three terms, weighted."""
        terms = vicreg_terms(a, b)
        return (
            self.invariance * terms.invariance
            + self.variance * terms.variance
            + self.covariance * terms.covariance
        )
