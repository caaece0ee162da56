"""Groups that take turns: one image of each, then another one of each, until a query is full."""

import numpy as np
from numpy.typing import NDArray


def turns(groups: NDArray[np.integer], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The turn, from 0, in which each image comes, if every group gives its images in `order`: int64[m].

    Args:
        groups: int[m], the group of each image.
        order: int64[m], a permutation of the images.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    by_group = order[np.argsort(group[order], kind="stable")]
    result = np.empty(len(group), np.int64)
    result[by_group] = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return result


def equal_shares(wanted: NDArray[np.float64], groups: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """Positions, int64[budget]: in every turn the most wanted image that each group has left, the most wanted first.

    Groups that are used up are passed over, so that a query is always full.

    Args:
        wanted: float64[m], without ties of which the order would matter.
        groups: int64[m].
        budget: at most m.
    """
    turn = turns(groups, np.argsort(-wanted, kind="stable"))
    return np.asarray(np.lexsort((-wanted, turn))[:budget], np.int64)
