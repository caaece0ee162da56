"""DAL-OSR: active learning as open-set recognition, the ancestor of DALBT."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.auxiliary.osr_decoder import DalOsrSettings
from dalbt_ray.options.ranges import ShareOf
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Needs, RankedLook, outlier_class_score, ranked_look
from dalbt_ray.strategies.one_look import RankedOneLook
from dalbt_ray.strategies.open_set_tails import OpenSetTails
from dalbt_ray.weibull import cdf_of_log_hazard

Policy = Literal["least_confident", "most_outlying", "least_outlying"]


@dataclass(frozen=True, kw_only=True)
class DalOsr(RankedOneLook):
    """Train with a variational bottleneck and a decoder (M2), then acquire what such a network does not recognize.

    Mandivarapu, Camp and Estrada 2022, "Deep Active Learning via Open-Set Recognition". Paper and code name
    several rules, so the rule is a policy:

    - `least_confident` (default): lowest softmax of the predicted class. The abstract ("the inverse of this
      confidence measure") and 102 of the 105 configurations in the authors' repository, those of all learning
      curves on a single pool, say so.
    - `most_outlying`: highest Weibull outlier probability, what their code does on pools mixed with another
      data set.
    - `least_outlying`: the same with the sign that their code has on a single pool.

    Outlier probabilities follow their code: cosine distance of the latent to the mean of the predicted class,
    under the law that libMR fits to the tail of each class (`Tail`). Two differences: the latent is its mean,
    not one random sample of it, and images are ordered by the log hazard, since the probability itself is
    exactly 1 for most OOD images and then the order of the pool decides.

    Attributes:
        policy: which images to want: those with the lowest softmax of the predicted class, or with the highest or the
            lowest Weibull outlier probability.
        tail_share: share of a class's correct images that make its tail; 0.5 in most of the authors'
            configurations that set it, 0.05 in their mixed pools. At least ten images.
        auxiliary: the decoder and the weights of the two terms.
    """

    name: ClassVar[str] = "dal_osr"

    policy: Policy = "least_confident"
    tail_share: ShareOf = 0.5
    # Not a default_factory: without a class attribute the inherited property would win.
    auxiliary: DalOsrSettings = DalOsrSettings()  # noqa: RUF009

    @property
    def needs(self) -> Needs:
        """A variational encoder."""
        return Needs(variational=True)

    def look(self, pool: PoolView) -> RankedLook:
        """From one fit of the tails, or from the softmax under `least_confident`.

        - ranking: by the policy; all equal, so that the seed decides, where no tail can be fitted.
        - score: the outlier probability, or under `least_confident` the largest softmax.
        - note: whether the tails could not be fitted.
        """
        outlier_score = outlier_class_score(pool)
        if self.policy == "least_confident":
            confidence: NDArray[np.float64] = pool.probabilities.max(axis=1).astype(np.float64)
            return ranked_look(-confidence, outlier_score, score=confidence)
        tails = OpenSetTails.of(pool, self.tail_share)
        if tails is None:
            hazard = np.zeros(len(pool.labeled))
            note = "dal_osr: fewer than 3 distinct distances over all classes, acquired at random"
        else:
            hazard, note = tails.log_hazard(pool.features, pool.predicted), ""
        ranking = hazard if self.policy == "most_outlying" else -hazard
        return ranked_look(ranking, outlier_score, score=cdf_of_log_hazard(hazard), note=note)
