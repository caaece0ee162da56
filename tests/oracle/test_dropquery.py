"""DropQuery: candidates by counting votes, picks by scikit-learn's k-means where clusters are plain."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dropquery import DropQuery
from tests.oracle.feature_pools import blobs, feature_pool


def pool_with_votes(
    features: NDArray[np.float64], flips: NDArray[np.int64], labeled: NDArray[np.bool_] | None = None
) -> PoolView:
    """Class 0 is predicted everywhere; in `flips`, int[n], of three passes class 1 is."""
    passes = np.where(np.arange(3)[None] < flips[:, None], 1, 0)
    pool = feature_pool(features, labeled, probabilities=np.tile([0.9, 0.1], (len(features), 1)))
    return replace(pool, mc_probabilities=np.eye(2)[passes])


def test_the_score_is_the_share_of_changed_predictions() -> None:
    """Counted by hand."""
    pool = pool_with_votes(np.ones((4, 2)), np.array([0, 1, 2, 3]))
    np.testing.assert_allclose(DropQuery().score(pool), [0, 1 / 3, 2 / 3, 1])


def test_the_image_nearest_to_each_center_of_the_candidates() -> None:
    """Two of three passes must differ; scikit-learn clusters the candidates; largest cluster first."""
    features, _ = blobs([60, 40, 30, 20, 10], seed=0)
    rng = np.random.default_rng(1)
    flips, labeled = rng.integers(0, 4, size=160), rng.random(160) < 0.2
    candidates = np.flatnonzero(~labeled & (flips >= 2))
    reference = KMeans(5, n_init=10, random_state=0).fit(features[candidates])
    offsets = np.linalg.norm(features[candidates] - reference.cluster_centers_[reference.labels_], axis=1)
    groups = [np.flatnonzero(reference.labels_ == c) for c in range(5)]
    expected = [int(candidates[g[offsets[g].argmin()]]) for g in groups]
    picks = DropQuery().select(pool_with_votes(features, flips, labeled), 5, np.random.default_rng(2))
    assert sorted(picks.tolist()) == sorted(expected)
    sizes = [len(groups[expected.index(pick)]) for pick in picks.tolist()]
    assert sizes == sorted(sizes, reverse=True)


def test_too_few_candidates_are_filled_up_by_the_next_votes() -> None:
    """Three candidates, ten picks: the other seven come from the images with one changed pass."""
    rng = np.random.default_rng(3)
    flips = rng.permutation(np.repeat([0, 1, 2, 3], [50, 12, 2, 1]))
    picks = DropQuery().select(pool_with_votes(rng.normal(size=(65, 3)), flips), 10, rng)
    assert sorted(flips[picks].tolist()) == [1] * 7 + [2, 2, 3]


def test_copies_of_few_images_still_fill_the_query() -> None:
    """Three different images, 20 copies of each, eight picks: all three are in, and no row twice."""
    where = np.arange(60) % 3
    pool = pool_with_votes(np.eye(3)[where], np.full(60, 3))
    picks = DropQuery().select(pool, 8, np.random.default_rng(0))
    assert sorted(where[picks[:3]].tolist()) == [0, 1, 2]
    assert len(set(picks.tolist())) == 8


def test_a_sample_is_drawn_among_the_candidates() -> None:
    """Only images that changed, whatever the sample; and four per pick at least."""
    rng = np.random.default_rng(4)
    flips = rng.integers(0, 4, size=400)
    pool = pool_with_votes(rng.normal(size=(400, 3)), flips)
    picks = DropQuery(sample=1).select(pool, 20, rng)
    assert (flips[picks] >= 2).all()
