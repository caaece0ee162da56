"""Which images a method of quadratic cost looks at, and which ones it takes for covered."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView

PER_PICK = 4
"""A sample holds at least this many images per image to acquire: with fewer there would be little to choose from."""


def candidate_sample(
    candidates: NDArray[np.int64], sample: int, budget: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Distinct rows, drawn uniformly and in random order: int64[min(m, max(sample, PER_PICK * budget))].

    Args:
        candidates: int64[m].
        sample: images to draw at least; all of them where it is at least m.
        budget: images to acquire.
        rng: source of the draw and of the order, which is what settles ties afterwards.
    """
    return rng.permutation(candidates)[: max(sample, PER_PICK * budget)]


def covered_rows(pool: PoolView, candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows that the learner has at the start of a pick, ascending: int64[k].

    The labeled ones and, where only returned images are left to pick from, every other unlabeled image, which has
    just been acquired.
    """
    covered = pool.labeled.copy()
    if pool.demoted is not None and pool.demoted[candidates].all():
        fresh = pool.unlabeled_rows
        covered[fresh[~pool.demoted[fresh]]] = True
    return np.flatnonzero(covered)
