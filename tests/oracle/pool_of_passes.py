"""A pool of which only the dropout passes matter."""

import numpy as np

from dalbt_ray.pool import PoolView


def pool_of(passes: np.ndarray) -> PoolView:
    """A pool of unlabeled images with these passes, float[n, t, c]."""
    n = len(passes)
    return PoolView(
        labeled=np.zeros(n, bool),
        labels=np.full(n, -1),
        probabilities=passes.mean(axis=1),
        features=np.zeros((n, 2)),
        mc_probabilities=passes,
    )
