"""Cluster-Margin: scikit-learn's average linkage, then the round robin of the paper as a plain loop."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2
from sklearn.cluster import AgglomerativeClustering

from dalbt_ray.strategies.cluster_margin import ClusterMargin, average_linkage, round_robin
from tests.oracle.feature_pools import blobs, feature_pool, unit


def plain_turns(cluster: NDArray[np.int64], budget: int) -> list[int]:
    """Clusters in the order in which they give an image: smallest first, used-up ones passed over."""
    left = {c: int(n) for c, n in zip(*np.unique(cluster, return_counts=True), strict=True)}
    order = sorted(left, key=lambda c: (left[c], c))
    turns: list[int] = []
    while len(turns) < budget:
        for c in order:
            if left[c]:
                left[c] -= 1
                turns.append(c)
    return turns[:budget]


@pytest.mark.parametrize("budget", [1, 7, 30, 60])
def test_turns_follow_the_paper(budget: int) -> None:
    """Clusters of 1 to 20 images, up to a budget of all of them."""
    rng = np.random.default_rng(0)
    cluster = rng.permutation(np.repeat([4, 2, 9, 7, 1], [20, 1, 12, 19, 8]))
    picks = round_robin(cluster, budget, rng)
    assert cluster[picks].tolist() == plain_turns(cluster, budget)
    assert len(set(picks.tolist())) == budget


def test_within_a_cluster_every_image_is_as_likely() -> None:
    """First picks from one cluster of 8: frequencies over 4,000 seeds (chi-square, 99.9 % point)."""
    cluster = np.array([0] * 8 + [1] * 9)
    counts = np.bincount([round_robin(cluster, 1, np.random.default_rng(s))[0] for s in range(4000)])
    assert len(counts) == 8
    assert ((counts - 500) ** 2 / 500).sum() < chi2(7).ppf(0.999)


def test_clusters_are_scikit_learns() -> None:
    """The same partition of points without ties, cut into the same number of clusters."""
    points = unit(np.random.default_rng(1).normal(size=(120, 5)))
    ours = average_linkage(points.astype(np.float32), 12)
    theirs = AgglomerativeClustering(n_clusters=12, linkage="average").fit_predict(points)
    assert len(set(zip(ours.tolist(), theirs.tolist(), strict=True))) == 12 == len(np.unique(ours))


def test_the_paper_on_the_whole_pool() -> None:
    """Sample of everything: the 3 b least sure images, in the order of turns over scikit-learn's clusters of them."""
    rng = np.random.default_rng(2)
    features, first = rng.normal(size=(150, 5)), rng.uniform(0.5, 1, size=150)
    labeled = np.arange(150) < 30
    pool = feature_pool(features, labeled, probabilities=np.stack([first, 1 - first], axis=1))
    picks = ClusterMargin(oversampling=3.0, cluster_size=8, sample=120).select(pool, 12, rng)
    rows = np.arange(30, 150)
    unsure = rows[np.argsort(first[rows])[:36]]
    clusters = np.full(150, -1)
    clusters[rows] = AgglomerativeClustering(n_clusters=15, linkage="average").fit_predict(
        unit(features[rows])
    )
    assert set(picks.tolist()) <= set(unsure.tolist())
    sizes = np.bincount(clusters[unsure], minlength=15)
    turns = plain_turns(clusters[unsure], 12)
    assert sizes[clusters[picks]].tolist() == sizes[turns].tolist()
    assert np.bincount(clusters[picks]).max() == np.bincount(turns).max()


def test_images_outside_the_sample_join_their_nearest_one() -> None:
    """Four separate clusters, a sample of 40 of 160 images: every cluster gives as many."""
    features, cluster = blobs([40, 40, 40, 40], seed=3)
    pool = feature_pool(features, probabilities=np.full((160, 2), 0.5))
    picks = ClusterMargin(sample=40, cluster_size=10).select(pool, 20, np.random.default_rng(0))
    assert np.bincount(cluster[picks]).tolist() == [5, 5, 5, 5]
