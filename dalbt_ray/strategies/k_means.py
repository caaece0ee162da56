"""k-means: Lloyd's iterations from k-means++ seeds, in float32 matrix products of bounded size."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.strategies.badge import Gradients, seed_centers
from dalbt_ray.strategies.geometry import row_blocks

_ITERATIONS = 25  # at most; what they cost is bounded, the last ones move few points
# The best seeding is taken: k-means++ by itself now and then leaves out one of few separate clusters.
_SEEDINGS = 8
_FEW = 50  # clusters up to which that matters and is cheap


def k_means(
    points: NDArray[np.float32], clusters: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Centers and the cluster of every point.

    Args:
        points: float32[n, d].
        clusters: k, at least 1; no more than n are used.
        rng: source of the seeds (Arthur and Vassilvitskii 2007).

    Returns:
        float32[k, d] centers, and int64[n] the nearest of them. A cluster can be empty, as where there are
        fewer than k different points; its center is then the last that it had.
    """
    used = min(clusters, len(points))
    seedings = [points[seeds(points, used, rng)] for _ in range(_SEEDINGS if used <= _FEW else 1)]
    centers = min(seedings, key=lambda seeding: _squares(points, seeding))
    nearest = assign(points, centers)
    for _ in range(_ITERATIONS):
        order = np.argsort(nearest, kind="stable")
        filled, starts, sizes = np.unique(nearest[order], return_index=True, return_counts=True)
        sums = np.add.reduceat(points[order], starts, axis=0, dtype=np.float64)
        centers[filled] = sums / sizes[:, None]
        before, nearest = nearest, assign(points, centers)
        if np.array_equal(before, nearest):
            break
    return centers, nearest


def _squares(points: NDArray[np.float32], centers: NDArray[np.float32]) -> float:
    """Sum of squared distances to the nearest center, what k-means minimizes."""
    offsets = points - centers[assign(points, centers)]
    return float(np.einsum("nd,nd->", offsets, offsets))


def seeds(points: NDArray[np.float32], clusters: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of the k-means++ seeds, int64[k] distinct, 1 <= k <= n: BADGE's seeding, started uniformly.

    A point is an outer product as well: of the number 1 and itself.
    """
    ones = np.ones((len(points), 1), np.float32)
    products = Gradients(errors=ones, features=points, squared_lengths=np.einsum("nd,nd->n", points, points))
    return seed_centers(products, clusters, rng, first=int(rng.integers(len(points))))


def assign(points: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.int64]:
    """int64[n], the nearest center of each point, the first among equally near ones."""
    result = np.empty(len(points), np.int64)
    halves = np.einsum("kd,kd->k", centers, centers) / 2
    for rows in row_blocks(len(points), len(centers)):
        # |x - c|^2 / 2 without the point's own |x|^2 / 2, which is the same for all centers
        result[rows] = (halves - points[rows] @ centers.T).argmin(axis=1)
    return result
