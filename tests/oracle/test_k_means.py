"""k-means: against scikit-learn's, and its own definition."""

import numpy as np
import pytest
from scipy.stats import chi2
from sklearn.cluster import KMeans

from dalbt_ray.strategies import geometry
from dalbt_ray.strategies.k_means import assign, k_means, seeds
from tests.oracle.feature_pools import blobs


def test_separate_clusters_are_found() -> None:
    """The same partition as scikit-learn's and as the truth, up to the clusters' numbers."""
    points, truth = blobs([40, 30, 20, 10], seed=0)
    for seed in range(5):
        _, found = k_means(points.astype(np.float32), 4, np.random.default_rng(seed))
        theirs = KMeans(4, n_init=1, random_state=seed).fit_predict(points)
        for other in (truth, theirs):
            assert len(set(zip(found.tolist(), other.tolist(), strict=True))) == 4


def test_the_sum_of_squares_is_as_low_as_scikit_learns() -> None:
    """Data without clusters, mean over 10 seeds: within 1 % (both are local searches from k-means++)."""
    points = np.random.default_rng(1).normal(size=(500, 6)).astype(np.float32)

    def ours(seed: int) -> float:
        centers, nearest = k_means(points, 12, np.random.default_rng(seed))
        return float(((points - centers[nearest]) ** 2).sum())

    theirs = np.mean([KMeans(12, n_init=1, random_state=seed).fit(points).inertia_ for seed in range(10)])
    assert np.mean([ours(seed) for seed in range(10)]) < 1.01 * theirs


def test_points_go_to_their_nearest_center(monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks of 7 as in one: all distances in float64."""
    monkeypatch.setattr(geometry, "_BLOCK", 7)
    rng = np.random.default_rng(2)
    points, centers = (rng.normal(size=(n, 4)).astype(np.float32) for n in (50, 9))
    expected = np.linalg.norm(points[:, None].astype(float) - centers[None], axis=2).argmin(axis=1)
    assert assign(points, centers).tolist() == expected.tolist()


def test_fewer_different_points_than_clusters() -> None:
    """Three places, 30 points, 10 clusters: three are filled, without a warning."""
    points = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    centers, nearest = k_means(points, 10, np.random.default_rng(3))
    assert len(np.unique(nearest)) == 3
    np.testing.assert_allclose(centers[nearest], points)


def test_the_first_two_seeds_follow_k_means_plus_plus() -> None:
    """Uniform, then by squared distance: frequencies of pairs over 6,000 draws (chi-square, 99.9 % point)."""
    points = np.random.default_rng(4).normal(size=(6, 2)).astype(np.float32)
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    draws, counts = 6000, np.zeros((6, 6))
    for seed in range(draws):
        first, second = seeds(points, 2, np.random.default_rng(seed)).tolist()
        counts[first, second] += 1
    expected = draws / 6 * squared / squared.sum(axis=1, keepdims=True)
    possible = expected > 0
    assert (counts[~possible] == 0).all()
    statistic = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert statistic < chi2(possible.sum() - 1).ppf(0.999)
