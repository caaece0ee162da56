"""What earlier queries came to: the only thing that methods which adapt to their purity may go by."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView


def is_first_query(pool: PoolView) -> bool:
    """Whether nothing has been acquired yet; the initial set does not count."""
    return pool.bought is not None and not (pool.bought >= 0).any()


def purities(pool: PoolView) -> NDArray[np.float64]:
    """Share of images of known classes in each query so far, float64[q], the first one first.

    From what was bought and answered; an image that was bought twice counts where it was bought last.
    """
    if pool.bought is None:
        return np.empty(0)
    bought = np.flatnonzero(pool.bought >= 0)
    queries, place = np.unique(pool.bought[bought], return_inverse=True)
    ours = np.bincount(place, weights=pool.labeled[bought], minlength=len(queries))
    shares: NDArray[np.float64] = ours / np.bincount(place, minlength=len(queries))
    return shares
