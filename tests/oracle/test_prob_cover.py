"""ProbCover: each pick a largest cover by plain counting and by scikit-activeml; the radius by trying radii."""

import numpy as np
import pytest
from skactiveml.pool import ProbCover as Published

from dalbt_ray.strategies.k_means import k_means
from dalbt_ray.strategies.prob_cover import ProbCover, pure_radius
from tests.oracle.feature_pools import assert_greedy, blobs, distances, feature_pool, unit


@pytest.mark.parametrize("radius", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_every_pick_covers_as_many_new_images_as_any_could(radius: float, share: float) -> None:
    """Counts tie all the time, so the picks are followed one by one: plain counting, and scikit-activeml's utility."""
    rng = np.random.default_rng(0)
    points = unit(rng.normal(size=(150, 4)))
    labeled = rng.random(150) < share
    picks = ProbCover(radius=radius, sample=150).select(feature_pool(points, labeled), 25, rng)
    assert_greedy(picks, (distances(points) < radius).astype(float), labeled)
    done = labeled.copy()
    for pick in picks.tolist():
        published = Published(deltas=[radius], n_classes=2, random_state=0)
        labels = np.where(done, 0.0, np.nan)
        with pytest.warns(
            UserWarning, match="maximum purity was -1"
        ):  # it does not look for a radius that is given
            _, utility = published.query(points, labels, batch_size=1, return_utilities=True)
        assert utility[0, pick] == np.nanmax(utility[0])
        done[pick] = True


def test_the_radius_is_the_largest_pure_one() -> None:
    """At it 95 % of the balls hold one cluster only, at a hair more fewer do: by counting over all pairs."""
    points = unit(np.random.default_rng(1).normal(size=(400, 5))).astype(np.float32)
    radius = pure_radius(points, 3, 0.95, np.random.default_rng(2))
    _, cluster = k_means(points, 3, np.random.default_rng(2))
    between, other = distances(points.astype(np.float64)), cluster[:, None] != cluster

    def pure(limit: float) -> float:
        return 1 - float(((between < limit) & other).any(axis=1).mean())

    assert pure(radius * (1 - 1e-5)) >= 0.95 > pure(radius * (1 + 1e-5))


def test_separate_clusters_are_covered_one_by_one() -> None:
    """The paper's case, the radius found: as many picks as clusters, one in each, the largest cluster first."""
    features, cluster = blobs([60, 40, 20, 10], seed=3)
    pool = feature_pool(features, probabilities=np.full((130, 4), 0.25))
    picks = ProbCover(purity=0.999).select(pool, 4, np.random.default_rng(0))
    assert cluster[picks].tolist() == [0, 1, 2, 3]


def test_once_all_is_covered_the_seed_decides() -> None:
    """One ball holds everything: public code acquires row 0 (here labeled) or the first pick again."""
    features, _ = blobs([50], seed=4)
    pool = feature_pool(features, np.arange(50) == 0)
    seconds = set()
    for seed in range(40):
        picks = ProbCover(radius=1.9).select(pool, 49, np.random.default_rng(seed))
        assert sorted(picks.tolist()) == list(range(1, 50))
        seconds.add(int(picks[1]))
    assert len(seconds) > 15


@pytest.mark.parametrize("place", [0, 499, 500, 1002])
def test_the_best_center_is_found_wherever_it_is(place: int) -> None:
    """The authors' code leaves the last incomplete block of 500 images out as centers."""
    angles = np.linspace(0, np.pi, 1003)  # neighbors are 0.003 apart; the middle one covers most
    angles[[place, 501]] = angles[[501, place]]
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    picks = ProbCover(radius=np.sqrt(2) + 1e-4).select(feature_pool(features), 1, np.random.default_rng(0))
    assert picks.tolist() == [place]
