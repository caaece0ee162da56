"""How well a score separates two groups."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.metrics.metric import Floats


def auroc(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """Probability that a positive scores above a negative (ties count half); None where one group is empty."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return None
    # Ties share the mean of their ranks, as in scipy.stats.rankdata, whose import would cost each trial a second.
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    wins = ranks[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))
