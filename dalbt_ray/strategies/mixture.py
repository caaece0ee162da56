"""Mixtures of normal laws of one variable, by expectation maximization: what separates two heaps of scores."""

import numpy as np
from numpy.typing import NDArray

_SMALLEST_VARIANCE = 5e-4  # of the variance of all values: LfOSA's reg_covar, on standardized values


def membership(
    values: NDArray[np.float64], components: int = 2, *, iterations: int = 10, tolerance: float = 1e-2
) -> NDArray[np.float64]:
    """The posterior of the component with the largest mean, float64[n] of float64[n].

    Components begin as equal parts of the sorted values, so nothing is random; scikit-learn's mixture, which the public
    codes use, begins at k-means of a random seed. All values equal, or fewer than components, give 1 for all.

    Args:
        values: finite.
        components: normal laws.
        iterations: of EM at most; ten as in LfOSA.
        tolerance: gain in the mean log-likelihood below which it ends.
    """
    n = len(values)
    spread = values.std() if n else 0.0
    if n < components or not spread > 1e-12 * np.abs(values).max():
        return np.ones(n)
    x = (values - values.mean()) / spread
    parts = np.array_split(np.sort(x), components)
    means = np.array([part.mean() for part in parts])
    variances = np.array([part.var() for part in parts]) + _SMALLEST_VARIANCE
    weights = np.full(components, 1 / components)
    before = -np.inf
    for _ in range(iterations):
        logs = _log_densities(x, means, variances, weights)
        total = np.logaddexp.reduce(logs, axis=0)
        share = np.exp(logs - total)
        mass = share.sum(axis=1) + 10 * np.finfo(float).eps
        means = share @ x / mass
        variances = np.maximum((share * (x - means[:, None]) ** 2).sum(axis=1) / mass, 0) + _SMALLEST_VARIANCE
        weights = mass / n
        if total.mean() - before < tolerance:
            break
        before = total.mean()
    logs = _log_densities(x, means, variances, weights)
    result: NDArray[np.float64] = np.exp(logs - np.logaddexp.reduce(logs, axis=0))[means.argmax()]
    return result


def _log_densities(
    x: NDArray[np.float64],
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """log(weight x density), float64[k, n]."""
    distances = (x - means[:, None]) ** 2 / variances[:, None]
    logs: NDArray[np.float64] = -0.5 * (distances + np.log(2 * np.pi * variances)[:, None])
    return logs + np.log(weights)[:, None]
