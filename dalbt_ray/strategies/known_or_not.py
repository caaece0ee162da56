"""Ours or not: the law of a class's own images against that of OOD images that are taken for it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.class_tails import ClassTails, Tails
from dalbt_ray.strategies.outlier_head import bought_outliers


@dataclass(frozen=True)
class KnownOrNot:
    """Two laws of distance for each class that an image can be taken for.

    Attributes:
        known: of the class's correctly classified labeled images, from their mean.
        outliers: of the OOD images that were bought and are taken for the class, from *their* mean. A class without
            one is measured from the nearest such mean.
        dimension: of the space that the images of a class fill, (sum of variances)^2 / sum of their squares.
        log_prior: log of (images of ours + 1) / (OOD images + 1) among those that were bought.
    """

    known: ClassTails
    outliers: ClassTails
    dimension: float
    log_prior: float

    @classmethod
    def of(cls, pool: PoolView, known: ClassTails, tails: Tails) -> Self | None:
        """The laws of one round; None until OOD images with 3 distinct distances have been bought."""
        rows = np.flatnonzero(bought_outliers(pool))
        outliers = ClassTails.fit(
            pool.features[rows], pool.predicted[rows], known.distance, tails, known.whitening
        )
        if outliers is None:
            return None
        bought = pool.labeled if pool.bought is None else pool.labeled & (pool.bought >= 0)
        log_prior = float(np.log((bought.sum() + 1) / (len(rows) + 1)))
        return cls(known, outliers, filled_dimension(pool, known), log_prior)

    def log_odds(self, pool: PoolView) -> NDArray[np.float64]:
        """Log odds that an image is of a known class, float64[n]: the ratio of both densities, and the prior."""
        known, outliers = (
            laws.log_density(pool.features, pool.predicted, self.dimension)
            for laws in (self.known, self.outliers)
        )
        return known - outliers + self.log_prior


def filled_dimension(pool: PoolView, tails: ClassTails) -> float:
    """The participation ratio of the spread about the means of the classes, at least 1; half of it for a cosine.

    A cosine distance is the square of an angle, so its logarithm counts twice.
    """
    rows = np.flatnonzero(pool.labeled & (pool.predicted == pool.labels))
    features = pool.features[rows].astype(np.float64)
    if tails.whitening is not None:
        features = tails.whitening(features).astype(np.float64)
    residuals = features - tails.means[np.searchsorted(tails.classes, pool.labels[rows])]
    largest = np.abs(residuals).max()
    residuals /= largest if largest > 0 else 1.0
    gram = residuals.T @ residuals if len(rows) > residuals.shape[1] else residuals @ residuals.T
    squares = float((gram**2).sum())
    filled = max(1.0, float(np.trace(gram)) ** 2 / squares) if squares > 0 else 1.0
    return filled / 2 if tails.distance == "cosine" else filled
