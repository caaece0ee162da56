"""k-center greedy: against the plain float64 loop, and against the optimum by brute force."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies import geometry
from dalbt_ray.strategies.core_set import CoreSet
from dalbt_ray.strategies.geometry import k_center_greedy


def pool_of(
    features: NDArray[np.floating], labeled: NDArray[np.bool_], demoted: NDArray[np.bool_] | None = None
) -> PoolView:
    """A pool in which only features, float[n, d], and masks matter."""
    n = len(features)
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, 0, -1),
        probabilities=np.full((n, 2), 0.5),
        features=features,
        demoted=demoted,
    )


def distances_between(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """All pairs by differences in float64: float64[n, m]."""
    return np.linalg.norm(a[:, None].astype(np.float64) - b[None].astype(np.float64), axis=2)


def plain_greedy(features: NDArray[np.floating], labeled: NDArray[np.bool_], budget: int) -> list[int]:
    """The definition: every distance computed again for every pick."""
    centers, picks = np.flatnonzero(labeled).tolist(), []
    for _ in range(budget):
        nearest = distances_between(features, features[centers]).min(axis=1)
        nearest[centers] = -1
        picks.append(int(nearest.argmax()))
        centers.append(picks[-1])
    return picks


@pytest.mark.parametrize("head", [1, 7, 512])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_same_picks_as_the_plain_loop(
    head: int, dtype: type, offset: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tie-free data, near the origin and far from it, whatever the number of points refreshed together."""
    monkeypatch.setattr(geometry, "_HEAD", head)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        features = (rng.normal(size=(200, 8)) + offset).astype(dtype)
        labeled = rng.random(200) < 0.1
        picks = CoreSet().select(pool_of(features, labeled), 60, rng)
        assert picks.tolist() == plain_greedy(features, labeled, 60)


def test_nearest_distance_where_float32_cannot_tell_centers_apart() -> None:
    """Centers 1e-6 apart: float32 takes the wrong one for a fifth of the points, and float64 decides."""
    rng = np.random.default_rng(0)
    points, centers = rng.normal(size=(110, 16)) / 3, 1e-6 * rng.normal(size=(40, 16)) + 0.1
    expected = distances_between(points, centers).min(axis=1) ** 2
    np.testing.assert_allclose(geometry.nearest_squared_distances(points, centers), expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_covering_radius_is_at_most_twice_the_optimum(seed: int) -> None:
    """Over all choices of 3 further centers among 11 points (Gonzalez 1985)."""
    rng = np.random.default_rng(seed)
    features, labeled = rng.normal(size=(11, 2)), np.arange(11) < 1
    between = distances_between(features, features)

    def radius(picks: tuple[int, ...]) -> float:
        return float(between[:, [0, *picks]].min(axis=1).max())

    optimum = min(radius(picks) for picks in combinations(range(1, 11), 3))
    picks = CoreSet().select(pool_of(features, labeled), 3, rng)
    assert optimum <= radius(tuple(picks)) <= 2 * optimum


def test_the_radius_never_grows() -> None:
    """Each pick lies at the covering radius so far, and that falls from pick to pick."""
    rng = np.random.default_rng(1)
    points = rng.normal(size=(2000, 3))
    picks = k_center_greedy(points, np.arange(5, 2000), np.arange(5), 300)
    between = distances_between(points[picks], np.concatenate([points[:5], points[picks]]))
    reached = np.array([between[i, : 5 + i].min() for i in range(300)])
    assert (np.diff(reached) <= 0).all()


def test_duplicates_are_bought_last() -> None:
    """Ten places, twenty images on each: one image of every other place before any second one."""
    places = np.random.default_rng(2).normal(size=(10, 4))
    where = np.repeat(np.arange(10), 20)
    labeled = np.arange(200) == 0
    picks = CoreSet().select(pool_of(places[where], labeled), 199, np.random.default_rng(0))
    assert sorted(where[picks[:9]]) == list(range(1, 10))
    assert len(set(picks.tolist())) == 199


def test_equally_far_images_are_chosen_by_the_seed() -> None:
    """Four corners around a labeled center: over 400 seeds each is acquired first about as often."""
    features = np.array([[0, 0], [1, 1], [1, -1], [-1, 1], [-1, -1]], float)
    pool = pool_of(features, np.arange(5) == 0)
    firsts = [int(CoreSet().select(pool, 1, np.random.default_rng(seed))[0]) for seed in range(400)]
    counts = np.bincount(firsts, minlength=5)[1:]
    assert ((counts - 100) ** 2 / 100).sum() < 16.3  # chi-square, 3 degrees of freedom, 99.9 %


def test_nothing_labeled_starts_anywhere() -> None:
    """The first pick is drawn by the seed, the others follow the plain loop from there."""
    features = np.random.default_rng(3).normal(size=(50, 3))
    pool = pool_of(features, np.zeros(50, bool))
    firsts = set()
    for seed in range(30):
        picks = CoreSet().select(pool, 10, np.random.default_rng(seed)).tolist()
        assert picks[1:] == plain_greedy(features, np.arange(50) == picks[0], 9)
        firsts.add(picks[0])
    assert len(firsts) > 10


def test_returned_images_are_covered_by_this_rounds_purchase() -> None:
    """Images acquired before fill up a query, farthest from all that has just been acquired."""
    features = np.array([[0.0], [10.0], [9.0], [5.0]])
    demoted = np.array([False, False, True, True])
    pool = pool_of(features, np.arange(4) == 0, demoted)
    assert CoreSet().select(pool, 2, np.random.default_rng(0)).tolist() == [1, 3]
