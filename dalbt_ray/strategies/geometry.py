"""Distances in feature space and the k-center greedy, in blocks: no n x n array, whatever the pool's size."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats

_BLOCK = 4096  # rows of a temporary array
_ENTRIES = 2**23  # of a temporary matrix of distances: 32 MB in float32
_AXES = 128  # by which the nearest center is guessed
_HEAD = 512  # points refreshed together: enough for fast matrix products, few enough to stay lazy


def row_blocks(n: int, width: int = 1) -> Iterator[slice]:
    """Slices that cover rows 0 to n, so few rows at a time that temporaries of `width` columns stay small."""
    size = max(1, min(_BLOCK, _ENTRIES // max(1, width)))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def squared_distances(a: Floats, b: Floats) -> Floats:
    """|a_i - b_j|^2, float[n, m] of float[n, d] and float[m, d], as one matrix product; at least 0."""
    product = a @ b.T
    product *= -2.0
    product += np.einsum("nd,nd->n", a, a)[:, None]
    product += np.einsum("md,md->m", b, b)[None, :]
    return np.maximum(product, 0.0, out=product)


def nearest_squared_distances(
    points: NDArray[np.float64], centers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """|x - c|^2 to the nearest center c.

    float32 finds the nearest center at twice the speed; where its rounding leaves more than one contender,
    float64 decides.

    Args:
        points: float64[n, d], of magnitude around 1.
        centers: float64[m, d], m >= 1.

    Returns:
        float64[n].
    """
    coarse = squared_distances(points.astype(np.float32), centers.astype(np.float32))
    closest = coarse.argmin(axis=1)
    offset = points - centers[closest]
    nearest: NDArray[np.float64] = np.einsum("nd,nd->n", offset, offset)
    # Bound on the rounding of a float32 sum of d products, on both sides of the comparison; rounding errors
    # being of either sign, it grows with sqrt(d) (Higham and Mary 2019).
    lengths = np.einsum("nd,nd->n", points, points) + np.einsum("md,md->m", centers, centers).max()
    rounding = 8 * np.sqrt(points.shape[1]) * np.finfo(np.float32).eps * lengths
    within = (coarse[np.arange(len(points)), closest] + rounding).astype(np.float32)
    unsure = np.flatnonzero(np.count_nonzero(coarse <= within[:, None], axis=1) > 1)
    nearest[unsure] = squared_distances(points[unsure], centers).min(axis=1)
    return nearest


def distances_to_likely_nearest(
    points: NDArray[np.float64], centers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """|x - c|^2, float64[n], to the center c that is nearest in the first axes alone: at least the smallest distance.

    Often it is the smallest one: features of a frozen encoder come along their principal axes, the widest first.
    """
    narrow, axes = points[:, :_AXES].astype(np.float32), centers[:, :_AXES].astype(np.float32)
    offset = points - centers[squared_distances(narrow, axes).argmin(axis=1)]
    distances: NDArray[np.float64] = np.einsum("nd,nd->n", offset, offset)
    return distances


def k_center_greedy(
    features: Floats, candidates: NDArray[np.int64], centers: NDArray[np.int64], budget: int
) -> NDArray[np.int64]:
    """Farthest-first traversal: pick the point farthest from its nearest center, make it a center, repeat.

    Gonzalez 1985; the covering radius is at most twice the optimum. Exact and lazy: a point's distance can
    only fall as centers are added, so its distance to some of them is an upper bound. Only the points with the
    largest bounds are brought up to date, together, and picks are made among them as long as the best exceeds
    every other bound. Distances are compared in float64 whatever the type of `features`, of which no copy is
    made.

    Args:
        features: float[n, d].
        candidates: int64[m], rows that may be picked.
        centers: int64[k], rows that are centers at the start; without any, the first candidate is picked
            first.
        budget: picks, 1 to m.

    Returns:
        int64[budget], rows in the order of picking; equally far ones in an order that follows `candidates`.
    """
    origin = features.mean(axis=0, dtype=np.float64)
    largest = max(float(features.max()), -float(features.min()))
    unit = largest if largest > 0 else 1.0  # so that squares neither overflow nor vanish

    def standard(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        centered: NDArray[np.float64] = features[rows] - origin
        centered /= unit
        return centered

    bounds, start = np.full(len(candidates), np.inf), standard(centers)
    if len(centers):
        for block in row_blocks(len(candidates), len(centers)):
            bounds[block] = distances_to_likely_nearest(standard(candidates[block]), start)
    # How many picks a bound takes into account; -1 where it does not even know all centers.
    known = np.full(len(candidates), -1 if len(centers) else 0)
    picked = np.empty((budget, features.shape[1]))
    picks: list[int] = []
    size = min(_HEAD, len(candidates))
    while len(picks) < budget:
        order = np.argpartition(-bounds, size - 1)
        head = np.sort(order[:size])
        elsewhere = bounds[order[size:]].max(initial=-np.inf)
        latents, current = standard(candidates[head]), bounds[head]
        for seen in np.unique(known[head][known[head] < len(picks)]):
            stale = np.flatnonzero(known[head] == seen)
            if seen < 0:
                current[stale] = nearest_squared_distances(latents[stale], start)
            distances = squared_distances(latents[stale], picked[max(seen, 0) : len(picks)])
            current[stale] = np.minimum(current[stale], distances.min(axis=1, initial=np.inf))
        between = squared_distances(latents, latents)
        while len(picks) < budget:
            best = int(current.argmax())
            if current[best] < elsewhere:
                break
            picked[len(picks)] = latents[best]
            picks.append(int(head[best]))
            current = np.minimum(current, between[best])
            current[best] = -np.inf
        bounds[head], known[head] = current, len(picks)
    return candidates[picks]
