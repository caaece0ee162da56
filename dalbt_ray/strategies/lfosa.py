"""LfOSA: as many images of known classes as a detector can find."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Positive
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import RankedLook, ranked_look
from dalbt_ray.strategies.mixture import membership
from dalbt_ray.strategies.one_look import RankedOneLook
from dalbt_ray.strategies.outlier_head import Shown, outlier_logits
from dalbt_ray.strategies.with_detector import WithDetector


@dataclass(frozen=True, kw_only=True)
class Lfosa(WithDetector, RankedOneLook):
    """The images that a detector is surest are of a known class.

    Ning et al. 2022, "Active Learning for Open-set Annotation" (CVPR). A detector learns the K known classes and one
    more from OOD images that were bought, by cross-entropy of logits / T. Among the images predicted as one class, a
    mixture of two normal laws is fitted to the largest logit; an image ranks by the posterior of the component with
    the larger mean. What is predicted OOD ranks last, here by its logit.

    The detector here is logistic regression on the features of the trained network: of a linear head, the temperature
    divides the weights, so `regularization` x `temperature`^2 stands for it. The authors train a network of its own
    with T = 0.5. Their code leaves bought OOD images in the pool, where they can be bought again, and its default
    temperature for OOD images, 2, is not the paper's.

    It aims at purity alone, which is known to lose to random sampling where easy images teach little.

    Attributes:
        temperature: T, of the detector.
    """

    name: ClassVar[str] = "lfosa"
    temperature: Positive = 0.5

    def look(self, pool: PoolView) -> RankedLook:
        """From one detector; its own score is the log odds of "none of ours"."""
        logits = outlier_logits(pool, Shown.of(pool), self.regularization * self.temperature**2)
        return ranked_look(ranking_by_logits(logits), outlier_odds(logits))


def ranking_by_logits(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """LfOSA's ranking of images by the logits of its detector, float64[n] of float64[n, K + 1].

    The posterior in 0..1; what is predicted OOD has the negative of 1 + its rank by logit.
    """
    predicted, largest = logits.argmax(axis=1), logits.max(axis=1)
    outlier = logits.shape[1] - 1
    ranking = np.empty(len(logits))
    for label in np.unique(predicted):
        rows = np.flatnonzero(predicted == label)
        if label == outlier:
            ranking[rows] = -1.0 - np.unique(largest[rows], return_inverse=True)[1]
        else:
            ranking[rows] = membership(largest[rows])
    return ranking


def outlier_odds(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds of the last class against all others, float64[n] of float64[n, K + 1]."""
    return np.asarray(logits[:, -1] - np.logaddexp.reduce(logits[:, :-1], axis=1))
