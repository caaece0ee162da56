"""MaxHerding: pick by pick against the definition in float64, and against scikit-activeml with gamma 1."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skactiveml.pool import MaxHerding as Published

from dalbt_ray.strategies import coverage, geometry
from dalbt_ray.strategies.max_herding import MaxHerding
from tests.oracle.feature_pools import assert_greedy, distances, feature_pool, unit


def kernel(features: NDArray[np.floating], bandwidth: float = 1.0) -> NDArray[np.float64]:
    """exp(-|x - y|^2 / bandwidth^2) of all pairs of normalized features."""
    return np.asarray(np.exp(-((distances(unit(features)) / bandwidth) ** 2)))


@pytest.mark.parametrize("kept", [0, 2**27])
@pytest.mark.parametrize("block", [7, 4096])
@pytest.mark.parametrize("bandwidth", [0.3, 1.0])
def test_every_pick_gains_as_much_as_any_could(
    kept: int, block: int, bandwidth: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sample of at least the pool's size, whether similarities are kept or not, whatever the blocks."""
    monkeypatch.setattr(coverage, "_KEPT", kept)
    monkeypatch.setattr(geometry, "_BLOCK", block)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        features, labeled = rng.normal(size=(120, 6)).astype(np.float32), rng.random(120) < 0.1 * seed
        method = MaxHerding(bandwidth=bandwidth, sample=120)
        picks = method.select(feature_pool(features, labeled), 40, rng)
        assert_greedy(picks, kernel(features, bandwidth), labeled)


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_every_pick_is_a_best_one_by_scikit_activeml(share: float) -> None:
    """Its kernel's gamma has to be set to 1: the default, 1/d, is not the paper's."""
    rng = np.random.default_rng(5)
    features, done = rng.normal(size=(150, 8)), rng.random(150) < share
    picks = MaxHerding().select(feature_pool(features, done.copy()), 30, rng)
    published = Published(metric_dict={"gamma": 1}, random_state=0)
    for pick in picks.tolist():
        labels = np.where(done, 0.0, np.nan)
        _, utilities = published.query(features, labels, batch_size=1, return_utilities=True)
        assert utilities[0, pick] >= np.nanmax(utilities[0]) - 1e-7
        done[pick] = True


def test_a_sample_is_the_rule_on_that_sample() -> None:
    """A quarter of the pool's images: each pick gains as much as any image of those 80 could, over those 80."""
    features = np.random.default_rng(6).normal(size=(320, 5))
    picks = MaxHerding(sample=80).select(feature_pool(features), 20, np.random.default_rng(7))
    rows = np.random.default_rng(7).permutation(320)[:80]
    places = np.array([rows.tolist().index(pick) for pick in picks])
    assert_greedy(places, kernel(features[rows]), np.zeros(80, bool))


@pytest.mark.parametrize("place", [0, 499, 500, 1002])
def test_the_best_center_is_found_wherever_it_is(place: int) -> None:
    """Public code for these methods leaves the last incomplete block of 500 images out as centers."""
    rng = np.random.default_rng(8)
    features = np.concatenate([np.zeros((1003, 1)), rng.normal(size=(1003, 7))], axis=1)
    features[:, 0] = 3.0
    features[place] = np.eye(8)[0]  # the mean direction
    assert MaxHerding().select(feature_pool(features), 1, rng).tolist() == [place]


def test_returned_images_are_covered_by_what_was_just_acquired() -> None:
    """Images acquired before fill up a query: not first the two like a fresh image that this query has taken."""
    features = np.array([[1.0, 0.0], [0.0, 1.0], [0.1, 1.0], [-0.1, 1.0], [-1.0, 0.0]])
    demoted = np.array([False, False, True, True, True])
    pool = feature_pool(features, np.arange(5) == 0, demoted=demoted)
    assert MaxHerding().select(pool, 2, np.random.default_rng(0)).tolist() == [1, 4]
