"""Means over seeds, paired differences, their t intervals and tests, and what the number of seeds allows."""

from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

LEVEL = 0.95
"""Coverage of every interval in the report."""


@dataclass(frozen=True)
class PairedTest:
    """A two-sided one-sample t-test, for one or many columns at once: of values, or of differences between pairs.

    Attributes:
        n: values behind each column.
        mean: their mean.
        sd: sample standard deviation.
        low, high: t interval of the mean; NaN for a single value, which says nothing about spread.
        p: p value of a mean of zero; NaN for fewer than two values.
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]


def paired_t_test(differences: NDArray[np.float64]) -> PairedTest:
    """Test whether mean differences are zero.

    Differences that are all equal have no spread, and t is infinite: an artifact of few seeds and
    accuracies that are multiples of 1/test size. Then p is what an exact test would give, 2^(1-n), or 1 for
    differences of zero.

    Args:
        differences: float[seeds, columns]; NaN where a seed lacks one of the pair.
    """
    made = ~np.isnan(differences)
    n = made.sum(axis=0)
    enough = n >= 2
    safe_n = np.maximum(n, 2)
    mean = np.where(n > 0, np.where(made, differences, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
    squares = np.where(made, differences - mean, 0.0) ** 2
    sd = np.where(enough, np.sqrt(squares.sum(axis=0) / (safe_n - 1)), np.nan)
    error = sd / np.sqrt(safe_n)
    flat = enough & (error <= 1e-12 * np.maximum(np.abs(mean), 1e-300))
    t = np.where(flat, 0.0, np.abs(mean)) / np.where(flat | ~enough, 1.0, error)
    p = np.where(enough, 2 * stdtr(safe_n - 1, -t), np.nan)
    p = np.where(flat, np.where(mean == 0, 1.0, 2.0 ** (1.0 - safe_n)), p)
    half = half_width(sd, n)
    return PairedTest(n=n, mean=mean, sd=sd, low=mean - half, high=mean + half, p=p)


def half_width(sd: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Half of the 95 % t interval of a mean of `n` values with sample standard deviation `sd`; NaN for n < 2.

    Exact for normal values. What holds otherwise is measured in `tests/unit/test_metrics.py`: for exponential
    values, whose skewness is 2, it covers the mean in 88 to 90 % of cases with 3 to 10 seeds. Differences of two
    methods whose values are skewed alike are symmetric, and there it covers at least 95 %.
    """
    enough = n >= 2
    quantile = stdtrit(np.where(enough, n - 1, 1), (1 + LEVEL) / 2)
    return np.where(enough, quantile * sd / np.sqrt(np.maximum(n, 1)), np.nan)


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's adjusted p values (Holm 1979); NaN (a test that could not be made) stays NaN and does not count.

    The k-th smallest of m is multiplied by m - k + 1, and none may be below the one before it.
    """
    # statsmodels' multipletests gives the same and runs the garbage collector at every call.
    adjusted = np.full(len(p_values), np.nan)
    made = np.flatnonzero(~np.isnan(p_values))
    order = made[np.argsort(p_values[made], kind="stable")]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1)))
    return adjusted


def smallest_exact_p(n_seeds: int) -> float:
    """The smallest two-sided p that an exact paired test (sign flips, Wilcoxon) can give: 2^(1-n).

    All n differences having one sign is the most extreme outcome, and 2 of 2^n equally likely ones are that
    extreme.
    """
    return 2.0 ** (1 - n_seeds)


def detectable_difference(paired_sd: float, n_seeds: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """The true mean difference that a two-sided paired t-test finds with probability `power`.

    From the noncentral t distribution with n - 1 degrees of freedom and noncentrality d sqrt(n) / sd. A
    significant result with the wrong sign does not count as found.

    Args:
        paired_sd: standard deviation of the differences between paired seeds.
        n_seeds: number of pairs.
        power: probability of p < alpha.
        alpha: level of the test, before any correction.

    Returns:
        The difference, in the units of `paired_sd`; NaN for fewer than two pairs.
    """
    if n_seeds < 2 or np.isnan(paired_sd):
        return float("nan")
    return _noncentrality(n_seeds, power, alpha) * paired_sd / sqrt(n_seeds)


@cache
def _noncentrality(n_seeds: int, power: float, alpha: float) -> float:
    from scipy import optimize, stats  # half a second, which a report without pairs does not need

    degrees = n_seeds - 1
    critical = stdtrit(degrees, 1 - alpha / 2)

    def missing_power(noncentrality: float) -> float:
        return float(stats.nct.sf(critical, degrees, noncentrality)) - power

    # The power at this upper end is above 0.95 for any n; scipy's noncentral t gives NaN much further out.
    return float(optimize.brentq(missing_power, 0.0, 2.0 * critical + 2.0))
