"""Extreme-value law of the images of a class that lie furthest from its mean, as libMR fits it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats, Ints, PoolView
from dalbt_ray.strategies.class_tails import distances_to
from dalbt_ray.weibull import WeibullFit, fit_weibulls, log_hazard

_SMALLEST_TAIL = 10  # fewer points say little about a tail (a remark of the OSDN authors, issue 5)


@dataclass(frozen=True)
class Tail:
    """Weibull law of the largest distances of one group, after libMR's shift.

    Attributes:
        fit: law of distance + 1 - `start`.
        start: smallest distance in the tail.
    """

    fit: WeibullFit
    start: float

    @classmethod
    def of_each(cls, groups: list[NDArray[np.float64]], share: float) -> "list[Tail | None]":
        """One tail a group: the largest `share` of its distances, ten at least, as many as there are at most.

        libMR (`fit_high`) keeps the t largest distances, moves them by 1 - min so that they start at 1, and
        fits two parameters: `scipy.stats.weibull_min.fit(tail - tail.min() + 1, floc=0)`. The 1 has the unit
        of the distance, so the law is not free of scale; cosine distances have none. None where the fit is
        degenerate (libMR calls it invalid; scipy returns a shape of 3e9).
        """
        tails = [np.sort(group)[-max(_SMALLEST_TAIL, int(share * len(group))) :] for group in groups]
        fits = fit_weibulls([tail - tail[:1] + 1 for tail in tails])
        return [
            None if fit is None else cls(fit, float(tail[0])) for fit, tail in zip(fits, tails, strict=True)
        ]

    def log_hazard(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log cumulative hazard, float64[n]; it orders as libMR's outlier probability without saturating."""
        return log_hazard(np.maximum(distances + 1 - self.start, 0.0), self.fit)


@dataclass(frozen=True)
class OpenSetTails:
    """Class means and tails of the correctly classified labeled images; K classes have one.

    Attributes:
        classes: int64[K], ascending.
        means: float64[K, d].
        tails: K laws; the pooled one where a class's own is degenerate.
        pooled: law over the distances of all classes together.
    """

    classes: NDArray[np.int64]
    means: NDArray[np.float64]
    tails: list[Tail]
    pooled: Tail

    @classmethod
    def of(cls, pool: PoolView, share: float) -> Self | None:
        """The laws of one round, with cosine distances; None where not even all classes together have one."""
        correct = np.flatnonzero(pool.labeled & (pool.predicted == pool.labels))
        if not len(correct):
            return None
        classes, members = np.unique(pool.labels[correct].astype(np.int64), return_inverse=True)
        features = pool.features[correct].astype(np.float64)
        means = np.stack([features[members == k].mean(axis=0) for k in range(len(classes))])
        distances = distances_to(features, means[members], "cosine")
        groups = [distances[members == k] for k in range(len(classes))]
        pooled, *own = Tail.of_each([distances, *groups], share)
        if pooled is None:
            return None
        return cls(classes, means, [tail or pooled for tail in own], pooled)

    def log_hazard(self, features: Floats, predicted: Ints) -> NDArray[np.float64]:
        """Log cumulative hazard of each image's distance to the mean of its predicted class, float64[n].

        An image of a class without a correct labeled image is measured from the nearest mean, under the
        pooled law.
        """
        result = np.full(len(features), np.inf)
        for label, mean, tail in zip(self.classes, self.means, self.tails, strict=True):
            rows = np.flatnonzero(predicted == label)
            result[rows] = tail.log_hazard(distances_to(features[rows], mean, "cosine"))
        orphans = np.flatnonzero(~np.isin(predicted, self.classes))
        for mean in self.means:
            nearer = self.pooled.log_hazard(distances_to(features[orphans], mean, "cosine"))
            result[orphans] = np.minimum(result[orphans], nearer)
        return result
