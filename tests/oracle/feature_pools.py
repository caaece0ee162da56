"""Pools for methods that look at features: what else a view holds is filled in."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView


def feature_pool(
    features: NDArray[np.floating],
    labeled: NDArray[np.bool_] | None = None,
    probabilities: NDArray[np.floating] | None = None,
    demoted: NDArray[np.bool_] | None = None,
) -> PoolView:
    """A pool with features, float[n, d]; nothing labeled and a uniform softmax over two classes unless given."""
    n = len(features)
    labeled = np.zeros(n, bool) if labeled is None else labeled
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, 0, -1),
        probabilities=np.full((n, 2), 0.5) if probabilities is None else probabilities,
        features=features,
        demoted=demoted,
    )


def unit(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rows of length 1, in float64."""
    exact = features.astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact, axis=1, keepdims=True))


def distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """All pairs by differences: float64[n, n]."""
    return np.asarray(np.linalg.norm(points[:, None] - points[None], axis=2))


def blobs(sizes: list[int], seed: int, width: int = 6, spread: float = 0.05) -> tuple[NDArray, NDArray]:
    """Separate clusters on the unit sphere, shuffled: features float64[n, d] and the cluster of each, int64[n]."""
    rng = np.random.default_rng(seed)
    cluster = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    centers = np.eye(width)[: len(sizes)]
    return unit(centers[cluster] + spread * rng.normal(size=(len(cluster), width))), cluster


def assert_greedy(
    picks: NDArray[np.int64],
    similarity: NDArray[np.float64],
    labeled: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> None:
    """Every pick in turn adds to sum_y w(y) max_{x in labeled or picked} s(x, y) as much as any image could.

    Picks are followed rather than predicted, since gains tie: of two images that nothing else is like, each
    represents the other as well as the other way round. All gains are computed again, in float64, for every pick.
    """
    weights = np.where(labeled, 0.0, 1.0 if weights is None else weights)
    done = labeled.copy()
    for pick in picks.tolist():
        covered = similarity[done].max(axis=0, initial=0.0)
        gains = np.array([(weights * np.maximum(row - covered, 0)).sum() for row in similarity])
        assert not done[pick]
        assert gains[pick] >= gains[~done].max() - 1e-5
        done[pick] = True
