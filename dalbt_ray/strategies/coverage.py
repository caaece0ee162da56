"""Greedy maximization of coverage: every image is represented by the most similar one that was picked."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.strategies.geometry import row_blocks, squared_distances

Similarity = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""float32[n, m] squared distances to similarities from 0 to 1, 1 at distance 0; may work in place."""

_KEPT = 2**27  # similarities kept in memory at most: 512 MiB; beyond that they are computed again when needed
_NOISE = 16 * np.finfo(np.float32).eps  # squared distances of unit vectors below this are rounding


def unit_squared_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """`squared_distances` of unit vectors, float32[n, m]; what is only rounding counts as zero."""
    distances = squared_distances(a, b)
    distances[distances < _NOISE] = 0.0
    return distances.astype(np.float32, copy=False)


class Similarities:
    """Similarities of n points to each other, by rows; kept only while there are few enough of them."""

    def __init__(self, points: NDArray[np.float32], similarity: Similarity) -> None:
        self._points, self._similarity = points, similarity
        self._kept: NDArray[np.float32] | None = None
        n = len(points)
        if n * n <= _KEPT:
            self._kept = np.empty((n, n), np.float32)
            for rows in row_blocks(n, n):
                self._kept[rows] = self.to(points[rows])

    def to(self, others: NDArray[np.float32]) -> NDArray[np.float32]:
        """Similarity of other points to all points: float32[m, n] of float32[m, d]."""
        return self._similarity(unit_squared_distances(others, self._points))

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Similarity of some of the points to all points: a new float32[r, n]."""
        return self.to(self._points[rows]) if self._kept is None else self._kept[rows]


def greedy_coverage(
    points: NDArray[np.float32],
    weights: NDArray[np.floating],
    similarity: Similarity,
    centers: NDArray[np.float32],
    budget: int,
) -> NDArray[np.int64]:
    """Pick the point that adds most to sum_y w(y) max_{x in picked} s(x, y), again and again.

    The sum is a facility location: monotone and submodular, so the greedy reaches 1 - 1/e of the optimum (Nemhauser
    et al. 1978). The greedy here is exact and no array of points x points outgrows 512 MiB. Every gain
    is kept up to date: a pick changes gains only through the points that it now represents best, about 1/j of them
    at the j-th pick, so `budget` picks cost about log(budget) evaluations of all gains rather than `budget`.

    Args:
        points: float32[n, d] of unit length; each is a candidate and something to be represented.
        weights: float[n], at least 0: what it is worth to represent each point.
        similarity: s, of the squared distance.
        centers: float32[k, d], points that count as picked at the start; k may be 0.
        budget: picks, 1 to n.

    Returns:
        int64[budget] distinct rows of `points` in the order of picking; equal gains in the order of rows, so also
        when everything is covered and no pick adds anything.
    """
    n = len(points)
    similarities, worth = Similarities(points, similarity), weights.astype(np.float32)
    covered = np.zeros(n, np.float32)
    for block in row_blocks(len(centers), n):
        np.maximum(covered, similarities.to(centers[block]).max(axis=0), out=covered)

    def reduction(targets: NDArray[np.int64], new: NDArray[np.float32]) -> NDArray[np.float64]:
        """How much less each candidate gains once `targets` are covered to the degree `new`, not `covered`."""
        total = np.zeros(n)
        for block in row_blocks(len(targets), n):
            old = covered[targets[block], None]
            shares = similarities.rows(targets[block])
            np.clip(shares, old, new[block, None], out=shares)
            shares -= old
            total += worth[targets[block]] @ shares
        return total

    gains = reduction(np.flatnonzero(worth > 0), np.ones(np.count_nonzero(worth), np.float32))
    picks = np.empty(budget, np.int64)
    for place in range(budget):
        picks[place] = pick = int(gains.argmax())
        row = similarities.rows(picks[place : place + 1])[0]
        changed = np.flatnonzero((row > covered) & (worth > 0))
        gains -= reduction(changed, row[changed])
        covered[changed] = row[changed]
        gains[pick] = -np.inf
    return picks
