"""Two-parameter Weibull fits by maximum likelihood, for many groups of distances at once.

The density is (k/s) (d/s)^(k-1) exp(-(d/s)^k) for d > 0, with shape k and scale s. With the scale profiled
out, the likelihood equation in the shape (Johnson, Kotz and Balakrishnan 1994, chapter 21) is

    f(k) = 1/k + mean(log d) - sum(d^k log d) / sum(d^k) = 0

and f decreases in k, so the root is unique.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_SAME = 1e-9  # distances closer than this, relative, are one value: rounding must not pass for spread
_STEPS = 100  # Newton takes 4 to 6 steps; bisection alone needs about 60


class DegenerateDistancesError(ValueError):
    """Fewer than 3 distinct positive distances: no Weibull law can be told from them."""


@dataclass(frozen=True)
class WeibullFit:
    """A fitted law.

    Attributes:
        shape: k > 0, without unit.
        scale: s > 0, in the unit of the distances; 63.2 % of them lie below it.
    """

    shape: float
    scale: float


def fit_weibull(distances: Floats) -> WeibullFit:
    """The maximum-likelihood fit of one group: float[n] -> shape and scale.

    Agrees with `scipy.stats.weibull_min.fit(distances, floc=0)`. Zeros are left out: the law has no mass
    there, and a floor in their place ruins the shape. Few distances bias the shape upward (true 3: median 4.4
    at n = 3, 3.3 at n = 10).

    Raises:
        DegenerateDistancesError: fewer than 3 distinct positive distances.
        ValueError: a distance is NaN, infinite or negative.
    """
    fit = fit_weibulls([distances])[0]
    if fit is None:
        raise DegenerateDistancesError(
            f"distances: {len(distances)} of them, fewer than 3 distinct and positive; a Weibull fit needs 3"
        )
    return fit


def fit_weibulls(groups: Sequence[Floats]) -> list[WeibullFit | None]:
    """`fit_weibull` of every group in one vectorised solve; None marks a degenerate group.

    Args:
        groups: one float[n_g] of distances per group; groups may be empty.

    Raises:
        ValueError: a distance is NaN, infinite or negative.
    """
    # Padding with zeros costs nothing: zeros are left out of the likelihood anyway.
    padded = np.zeros((len(groups), max((len(group) for group in groups), default=0)))
    for row, group in zip(padded, groups, strict=True):
        row[: len(group)] = group
    bad = ~(np.isfinite(padded) & (padded >= 0)).all(axis=1)
    if bad.any():
        raise ValueError(f"distances: group {int(bad.argmax())} has a NaN, infinite or negative distance")
    padded.sort(axis=1)
    distinct = (np.diff(padded, axis=1, prepend=0.0) > _SAME * padded).sum(axis=1)
    fits: list[WeibullFit | None] = [None] * len(groups)
    solvable = np.flatnonzero(distinct >= 3)
    if len(solvable):
        for index, shape, scale in zip(solvable, *_solve(padded[solvable]), strict=True):
            fits[index] = WeibullFit(float(shape), float(scale))
    return fits


def _solve(distances: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shapes and scales, float64[g] each; float64[g, m], sorted rows with 3 distinct positive values each."""
    used = distances > 0
    count = used.sum(axis=1)
    largest = distances[:, -1]
    # Relative to the largest distance all logs are at most 0, so that d^k cannot overflow whatever k is.
    logs = np.log(np.where(used, distances, largest[:, None]) / largest[:, None])
    mean = logs.sum(axis=1) / count
    deviation = np.sqrt((np.where(used, logs - mean[:, None], 0.0) ** 2).sum(axis=1) / count)

    # The last term of f is at most 0 here, hence f(-1/mean) >= 0: a lower end of the bracket for free.
    low, high = -1.0 / mean, np.full(len(mean), np.inf)
    shape = np.maximum(np.pi / np.sqrt(6.0) / deviation, low)  # exact for an infinite Weibull sample
    for _ in range(_STEPS):
        powers = np.where(used, np.exp(shape[:, None] * logs), 0.0)
        total = powers.sum(axis=1)
        first = (powers * logs).sum(axis=1) / total
        second = (powers * logs**2).sum(axis=1) / total
        value = 1.0 / shape + mean - first
        slope = -1.0 / shape**2 - (second - first**2)
        low = np.where(value >= 0, shape, low)
        high = np.where(value <= 0, shape, high)
        newton = shape - value / slope
        halfway = np.where(np.isinf(high), 2.0 * shape, 0.5 * (low + high))
        following = np.where((newton >= low) & (newton <= high), newton, halfway)
        settled = np.abs(following - shape) <= 1e-13 * shape
        shape = following
        if settled.all():
            break
    total = np.where(used, np.exp(shape[:, None] * logs), 0.0).sum(axis=1)
    return shape, largest * (total / count) ** (1.0 / shape)


def log_hazard(distances: Floats, fit: WeibullFit) -> NDArray[np.float64]:
    """Log of the cumulative hazard, k log(d/s) = log(-log survival): float[n] -> float64[n], -inf at zero.

    It orders distances as the CDF and the survival function do, and neither saturates nor overflows.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(fit.shape * (np.log(distances, dtype=np.float64) - np.log(fit.scale)))


def cdf_of_log_hazard(log_hazards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of a smaller distance, 1 - exp(-exp(h)): float64[n] -> float64[n] in [0, 1], the outlier probability.

    Of each log hazard h; precise at both ends.
    """
    with np.errstate(over="ignore"):
        return -np.expm1(-np.exp(log_hazards))
