"""Uncertainty Herding: weights, bandwidth and temperature by their definitions, then pick by pick with them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.max_herding import MaxHerding
from dalbt_ray.strategies.temperature import at_temperature, best_temperature
from dalbt_ray.strategies.uncertainty_herding import UncertaintyHerding
from tests.contract.pools import smooth_pool
from tests.oracle.feature_pools import assert_greedy, distances, unit
from tests.oracle.test_max_herding import kernel


def loss(temperature: float, logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood, by scipy."""
    chosen = softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels]
    return float(-np.log(chosen).mean())


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_the_temperature_minimizes_the_likelihood_loss(scale: float) -> None:
    """Against scipy's bounded minimizer; logits that are too large by `scale` are divided by about that."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2000, 5))
    labels = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    found = best_temperature(softmax(scale * logits, axis=1), labels)
    expected = minimize_scalar(loss, bounds=(0.05, 20), args=(scale * logits, labels), method="bounded")
    assert found == pytest.approx(expected.x, rel=1e-4)
    assert found == pytest.approx(scale, rel=0.1)
    softened = at_temperature(softmax(scale * logits, axis=1), found)
    np.testing.assert_allclose(softened, softmax(scale * logits / found, axis=1), atol=1e-12)


def test_without_an_optimum_the_temperature_stays_in_its_range() -> None:
    """All validation images right: as sure as allowed. All wrong with certainty: as unsure as allowed."""
    right = np.array([[0.6, 0.4], [0.3, 0.7]])
    assert best_temperature(right, np.array([0, 1])) == pytest.approx(0.05, rel=1e-6)
    assert best_temperature(np.eye(2), np.array([1, 0])) == pytest.approx(20.0, rel=1e-6)


def assert_paper(pool: PoolView, picks: NDArray[np.int64], temperature: float) -> None:
    """Algorithm 1 with its two adaptations, in float64, pick by pick."""
    ordered = np.sort(softmax(np.log(pool.probabilities) / temperature, axis=1), axis=1)
    between = distances(unit(pool.features[pool.labeled]))
    bandwidth = between[between > 0].min()
    weights = 1 - (ordered[:, -1] - ordered[:, -2])
    assert_greedy(picks, kernel(pool.features, bandwidth), pool.labeled, weights)


def test_every_pick_gains_as_much_as_any_could() -> None:
    """Temperature from the validation images (some misclassified), bandwidth from the labeled ones."""
    for seed in (0, 1, 4):
        pool = smooth_pool(seed)
        log = np.log(pool.validation_probabilities)
        fit = minimize_scalar(loss, bounds=(0.05, 20), args=(log, pool.validation_labels), method="bounded")
        method = UncertaintyHerding()
        assert_paper(pool, method.select(pool, 15, np.random.default_rng(seed)), fit.x)
        assert method.note(pool) == ""


@pytest.mark.parametrize("seed", [2, 3])
def test_without_a_misclassified_validation_image_the_temperature_is_one(seed: int) -> None:
    """Nor without validation images at all; the round's note says so."""
    perfect = smooth_pool(seed)
    none = replace(
        smooth_pool(0), validation_probabilities=None, validation_labels=None, validation_features=None
    )
    for pool in (perfect, none):
        method = UncertaintyHerding()
        assert_paper(pool, method.select(pool, 15, np.random.default_rng(0)), 1.0)
        assert "temperature 1" in method.note(pool)


def test_with_nothing_labeled_it_is_max_herding() -> None:
    """Whatever an untrained network says: every image counts the same, and the note says so."""
    pool = replace(smooth_pool(1), labeled=np.zeros(60, bool), labels=np.full(60, -1))
    method = UncertaintyHerding()
    picks = method.select(pool, 20, np.random.default_rng(0))
    assert picks.tolist() == MaxHerding().select(pool, 20, np.random.default_rng(0)).tolist()
    assert "max_herding" in method.note(pool)


def test_exact_copies_among_the_labeled_images_do_not_set_the_bandwidth() -> None:
    """A copy of a labeled image changes nothing: its distance is zero, not the smallest positive one."""
    pool = smooth_pool(2)
    first, second = np.flatnonzero(pool.labeled)[:2]
    features = pool.features.copy()
    features[second] = 3 * features[first]  # the same direction
    copied = replace(pool, features=features)
    method = UncertaintyHerding()
    picks = method.select(copied, 15, np.random.default_rng(0))
    without = copied.labeled.copy()
    without[second] = False
    between = distances(unit(features[without]))
    bandwidth = float(between[between > 0].min())
    pinned = replace(method, bandwidth=bandwidth)
    assert picks.tolist() == pinned.select(copied, 15, np.random.default_rng(0)).tolist()
