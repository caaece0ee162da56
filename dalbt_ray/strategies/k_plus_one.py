"""One class more for what is none of ours, and the unsure images among the rest."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Needs, Ranked
from dalbt_ray.strategies.past_queries import is_first_query
from dalbt_ray.strategies.uncertainty import Uncertainty, uncertainty


@dataclass(frozen=True, kw_only=True)
class KPlusOne(Ranked):
    """The chance that an image is of a known class, times how unsure the classifier is between these.

    After Stojnić, Laskar and Tolias 2024, "Training Ensembles with Inliers and Outliers for Semi-supervised Active
    Learning" (WACV): the classifier is trained on the K known classes and on one more, whose images are the OOD ones
    that were bought; the query is by uncertainty among the images that it does not take for OOD. The first query is
    random, so that the class learns at the pool's own share of OOD images.

    Differences: the paper has the variation ratio of five networks, here any uncertainty of one; it drops what is
    predicted OOD (`cut`), here every image is weighed by its probability (`weigh`). The authors' code gives dropped
    images the score 0, which certain known images have too, so that ties between the two are broken by the order of
    the pool; here dropped images come last.

    Attributes:
        uncertainty: between the known classes: one minus the `margin`, the normalized `entropy`, or `least_confidence`.
        outliers: `weigh` each image by one minus its probability of being OOD, or `cut` those for which that is the
            likeliest class.
        first_query: `random` as in the paper, or by the `rule` itself, which has no OOD image to learn from yet.
    """

    name: ClassVar[str] = "k_plus_one"
    uncertainty: Uncertainty = "margin"
    outliers: Literal["weigh", "cut"] = "weigh"
    first_query: Literal["random", "rule"] = "random"

    @property
    def needs(self) -> Needs:
        """A class for bought OOD images."""
        return Needs(outliers=True, outlier_class=True)

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """float64[n] in -1..1; all equal, so that the seed decides, for a random first query."""
        unsure = uncertainty(pool.probabilities, self.uncertainty)
        if self.first_query == "random" and is_first_query(pool):
            return np.zeros(len(unsure))
        if pool.outlier_probability is None:
            return unsure
        foreign = pool.outlier_probability.astype(np.float64)
        if self.outliers == "weigh":
            return (1.0 - foreign) * unsure
        best_known = (1.0 - foreign) * pool.probabilities.max(axis=1)
        return np.where(foreign > best_known, -foreign, unsure)
