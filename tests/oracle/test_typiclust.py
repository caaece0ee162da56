"""TypiClust: against scikit-activeml where clusters are plain, and turn by turn against the paper's rule."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skactiveml.pool import TypiClust as Published

from dalbt_ray.strategies.typiclust import TypiClust, most_typical
from tests.oracle.feature_pools import blobs, distances, feature_pool


def test_same_picks_as_scikit_activeml_from_no_label() -> None:
    """Six separate clusters of different sizes and a budget of six: the most typical image of each, by size."""
    features, cluster = blobs([110, 90, 75, 60, 50, 42], seed=0)
    published = Published(k=20, random_state=0).query(features, np.full(len(features), np.nan), batch_size=6)
    picks = TypiClust().select(feature_pool(features), 6, np.random.default_rng(0))
    assert picks.tolist() == published.tolist()
    assert cluster[picks].tolist() == [0, 1, 2, 3, 4, 5]


def test_same_picks_as_scikit_activeml_with_labels() -> None:
    """Two of six clusters have a label: the other four are served, the largest first."""
    features, cluster = blobs([110, 90, 75, 60, 50, 42], seed=1)
    labeled = np.zeros(len(features), bool)
    labeled[[np.flatnonzero(cluster == c)[0] for c in (0, 3)]] = True
    published = Published(k=20, random_state=0).query(features, np.where(labeled, 0.0, np.nan), batch_size=4)
    picks = TypiClust().select(feature_pool(features, labeled), 4, np.random.default_rng(0))
    assert picks.tolist() == published.tolist()
    assert cluster[picks].tolist() == [1, 2, 4, 5]


def plain_rounds(
    points: NDArray[np.float64], cluster: NDArray[np.int64], labels: list[int], budget: int
) -> list[int]:
    """The paper's rule, one pick at a time: fewest labels, then largest; typicality among what is left."""
    left = {c: np.flatnonzero(cluster == c).tolist() for c in range(len(labels))}
    sizes = {c: len(left[c]) + labels[c] for c in left}
    order = sorted(left, key=lambda c: (labels[c], -sizes[c]))
    picks: list[int] = []
    while len(picks) < budget:
        large = [c for c in order if left[c] and sizes[c] > 5]
        for c in large or [c for c in order if left[c]]:
            between = distances(points[left[c]])
            k = min(20, len(left[c]) // 2)
            means = [np.sort(row)[1 : k + 1].mean() if k else 0.0 for row in between]
            picks.append(left[c].pop(int(np.argmin(means))))
    return picks[:budget]


@pytest.mark.parametrize("budget", [5, 40, 93])
def test_turns_follow_the_paper(budget: int) -> None:
    """Clusters of 3 to 40 images, some with labels: fewest labels first, small ones at the end, none exhausted."""
    points, cluster = blobs([40, 25, 15, 10, 3], seed=2, spread=0.3)
    labels = [0, 2, 0, 1, 0]
    labeled_cluster = np.repeat(np.arange(5), labels)
    picks = TypiClust().rounds(points.astype(np.float32), cluster, labeled_cluster, budget)
    assert picks.tolist() == plain_rounds(points, cluster, labels, budget)
    assert len(set(picks.tolist())) == budget


def test_an_exhausted_cluster_is_passed_over() -> None:
    """Seven images in one cluster, 60 in another, budget 50: the authors' code fails at the small one's eighth turn."""
    features, cluster = blobs([60, 7], seed=3)
    picks = TypiClust(clusters=2).select(feature_pool(features), 50, np.random.default_rng(0))
    assert np.bincount(cluster[picks]).tolist() == [43, 7]


def test_typical_is_where_neighbors_are_near() -> None:
    """A tight group inside a loose cloud: one of the group, and never an outlier with one near copy."""
    rng = np.random.default_rng(4)
    cloud, group = rng.normal(size=(60, 3)), np.array([1.0, 0, 0]) + 0.02 * rng.normal(size=(25, 3))
    outlier = np.array([[0, 0, -1.0], [0, 0, -1.0]])
    points = np.concatenate([cloud, group, outlier])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    assert 60 <= most_typical(points.astype(np.float32), 20) < 85
