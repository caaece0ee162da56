"""Weibull sampling, the selection of DALBT: how outlying is an image within the class it is taken for?"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Inside
from dalbt_ray.options.value import changed_default
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.class_tails import ClassTails, Distance, Tails
from dalbt_ray.strategies.known_or_not import KnownOrNot
from dalbt_ray.strategies.margin import margin
from dalbt_ray.strategies.method import Needs, RankedLook, outlier_class_score, ranked_look
from dalbt_ray.strategies.one_look import RankedOneLook
from dalbt_ray.strategies.past_queries import is_first_query
from dalbt_ray.weibull import cdf_of_log_hazard

Policy = Literal[
    "most_outlying", "least_outlying", "inlier_band", "inlier_uncertain", "outlier_margin", "likelihood_ratio"
]


@dataclass(frozen=True, kw_only=True)
class Dalbt(RankedOneLook):
    """Rank the pool by the Weibull tail of each image's distance to the mean of its predicted class.

    DALBT, algorithm 1: the latents of correctly classified labeled images give a mean and a two-parameter
    Weibull law of distances for each class (`ClassTails`); an image's outlier probability is the CDF of its
    distance. The paper wants outliers as informative and OOD images, which are outliers too, avoided;
    what to acquire is therefore a policy:

    - `most_outlying`: the paper's text.
    - `least_outlying`: what the code of its ancestor DAL-OSR does on pools without OOD images.
    - `inlier_band`: the most outlying of those within the threshold; if these are too few, the least outlying
      beyond it.
    - `inlier_uncertain`: within the threshold the least confident first; beyond it as above.
    - `outlier_margin`: outlier probability times one minus the margin of the two best classes.
    - `likelihood_ratio`: the chance of being ours, times one minus the margin. The chance is that of the Weibull law of
      the predicted class against the law of OOD images that were bought and are taken for it (`KnownOrNot`), so it
      needs `ood_policy="learn"`. The first query is random, so that it learns at the pool's own share of OOD images;
      until three have been bought the margin decides alone.

    The threshold is the hazard that `inlier_share` of the correctly classified validation images stay within.

    The paper ranks by the CDF, which is exactly 1 for most far images, so that the order of the pool decides.
    The ranking here is the log of the cumulative hazard (d/scale)^shape: the same order, without saturation.
    The CDF is what `score` records.

    Attributes:
        policy: which images to want: the most or the least outlying ones; the most outlying within the threshold
            (`inlier_band`), or the least confident there (`inlier_uncertain`); outlier probability times one minus the
            margin (`outlier_margin`); or the chance of being ours, learned from bought OOD images, times one minus the
            margin (`likelihood_ratio`).
        distance: `euclidean` between latents; `cosine`, 1 - cos, as in DAL-OSR; or `mahalanobis`, with one covariance
            for all classes, shrunk towards a round one (Ledoit and Wolf 2004).
        inlier_share: share of correctly classified validation images that the threshold keeps, in (0, 1).
        tails: `plain`, the paper's fit of each class by itself, or `shrunk` towards the law of all classes: with
            100 labels the plain fits of one or two classes are so steep that they fill the whole query.
    """

    name: ClassVar[str] = "dalbt"
    own_objective: ClassVar[str] = "joint"
    policy: Policy = "most_outlying"
    distance: Distance = "euclidean"
    inlier_share: Inside = 0.95
    tails: Tails = changed_default("shrunk", introduced="plain")  # noqa: RUF009

    @property
    def needs(self) -> Needs:
        """The plain classifier; bought OOD images for the policy that learns from them."""
        return Needs(outliers=self.policy == "likelihood_ratio")

    def look(self, pool: PoolView) -> RankedLook:
        """From one fit of the class tails.

        - ranking: by the policy; all equal, so that the seed decides, where no class admits a fit.
        - score: in [0, 1], the outlier probability under any policy; NaN where no class admits a fit.
        - outlier score: log odds of being none of ours under `likelihood_ratio`, once it has learned (None before);
          what the outlier class says under the others.
        - note: what was too poor for the method as written, and what stood in for it.
        """
        tails = ClassTails.of(pool, self.distance, self.tails)
        if tails is None:
            n = len(pool.labeled)
            note = "dalbt: fewer than 3 distinct distances over all classes, acquired at random"
            return ranked_look(np.zeros(n), outlier_class_score(pool), score=np.full(n, np.nan), note=note)
        hazard = tails.log_hazard(pool.features, pool.predicted)
        if self.policy == "likelihood_ratio":
            return self._learned(pool, tails, hazard)
        held_out = _validation_hazard(pool, tails) if self.policy.startswith("inlier") else None
        return ranked_look(
            self._wanted(pool, hazard, held_out),
            outlier_class_score(pool),
            score=cdf_of_log_hazard(hazard),
            note=_note(pool, tails, held_out),
        )

    def _learned(self, pool: PoolView, tails: ClassTails, hazard: NDArray[np.float64]) -> RankedLook:
        """What `likelihood_ratio` makes of them: the laws of bought OOD images against those of the classes."""
        unsure, odds = 1.0 - margin(pool.probabilities), None
        if is_first_query(pool):
            ranking = np.zeros(len(unsure))
        elif (laws := KnownOrNot.of(pool, tails, self.tails)) is None:
            ranking = unsure
        else:
            odds = -laws.log_odds(pool)
            ranking = unsure / (1.0 + np.exp(np.clip(odds, None, 700.0)))
        return ranked_look(ranking, odds, score=cdf_of_log_hazard(hazard), note=_note(pool, tails, None))

    def _wanted(
        self, pool: PoolView, hazard: NDArray[np.float64], held_out: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """The ranking, from the log hazard of each image, float64[n], and of the validation images."""
        match self.policy:
            case "most_outlying":
                return hazard
            case "least_outlying":
                return -hazard
            case "outlier_margin":
                return cdf_of_log_hazard(hazard) * (1.0 - margin(pool.probabilities))
            case "inlier_band":
                wanted = hazard
            case _:  # inlier_uncertain
                wanted = -pool.probabilities.max(axis=1).astype(np.float64)
        inlier = hazard <= self._threshold(held_out)
        # Ranks instead of values put every inlier above every outlier without disturbing the order within
        # either.
        return np.where(inlier, 1.0 + _ranks(wanted), -1.0 - _ranks(hazard))

    def _threshold(self, held_out: NDArray[np.float64] | None) -> float:
        """Log hazard that `inlier_share` of the correctly classified validation images stay within."""
        if held_out is None or not len(held_out):
            return float(np.log(-np.log1p(-self.inlier_share)))  # where the fitted CDF reaches that share
        return float(np.quantile(held_out, self.inlier_share, method="inverted_cdf"))


def _note(pool: PoolView, tails: ClassTails, held_out: NDArray[np.float64] | None) -> str:
    remarks = []
    if len(tails.pooled):
        remarks.append(f"pooled Weibull fit for classes {_listed(tails.pooled)}")
    orphans = np.setdiff1d(pool.predicted[~pool.labeled], tails.classes)
    if len(orphans):
        remarks.append(
            f"no correct labeled image of predicted classes {_listed(orphans)}, nearest class taken"
        )
    if held_out is not None and not len(held_out):
        remarks.append("no correct validation image, threshold taken from the fits")
    return f"dalbt: {'; '.join(remarks)}" if remarks else ""


def _validation_hazard(pool: PoolView, tails: ClassTails) -> NDArray[np.float64]:
    """float64[k], log hazard of the k correct validation images; empty without a validation set."""
    features, probabilities, labels = (
        pool.validation_features,
        pool.validation_probabilities,
        pool.validation_labels,
    )
    if features is None or probabilities is None or labels is None:
        return np.empty(0)
    correct = probabilities.argmax(axis=1) == labels
    return tails.log_hazard(features[correct], labels[correct])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64[n], 0 for the smallest value; equal values share a rank."""
    return np.unique(values, return_inverse=True)[1]


def _listed(classes: NDArray[np.int64]) -> str:
    return ", ".join(str(label) for label in classes)
