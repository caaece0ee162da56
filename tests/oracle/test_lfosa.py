"""LfOSA's mixture against loops, its detector against scipy's minimizer, its ranking written out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

from dalbt_ray.strategies.lfosa import Lfosa, ranking_by_logits
from dalbt_ray.strategies.mixture import membership
from dalbt_ray.strategies.outlier_head import Shown, outlier_logits
from tests.oracle.test_k_plus_one import open_pool


def slow_mixture(values: np.ndarray, components: int) -> np.ndarray:
    """EM with loops over images and components, from the same start and to the same end."""
    x = (values - values.mean()) / values.std()
    parts = np.array_split(np.sort(x), components)
    mean, var, weight = (
        [p.mean() for p in parts],
        [p.var() + 5e-4 for p in parts],
        [1 / components] * components,
    )
    before = -np.inf
    for last in [False] * 10 + [True]:
        share = np.empty((len(x), components))
        likelihood = 0.0
        for i, value in enumerate(x):
            terms = [
                w * np.exp(-((value - m) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v)
                for m, v, w in zip(mean, var, weight, strict=True)
            ]
            share[i] = np.array(terms) / sum(terms)
            likelihood += np.log(sum(terms)) / len(x)
        if last:
            break
        for k in range(components):
            mean[k] = np.average(x, weights=share[:, k])
            var[k] = np.average((x - mean[k]) ** 2, weights=share[:, k]) + 5e-4
            weight[k] = share[:, k].mean()
        if likelihood - before < 1e-2:
            # What follows is the posterior under the last parameters.
            return slow_posterior(x, mean, var, weight)
        before = likelihood
    return share[:, int(np.argmax(mean))]


def slow_posterior(x: np.ndarray, mean: list[float], var: list[float], weight: list[float]) -> np.ndarray:
    """The share of the component with the largest mean in each density."""
    densities = np.array(
        [
            w * np.exp(-((x - m) ** 2) / (2 * v)) / np.sqrt(v)
            for m, v, w in zip(mean, var, weight, strict=True)
        ]
    )
    return np.asarray(densities[int(np.argmax(mean))] / densities.sum(axis=0))


@pytest.mark.parametrize("components", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_mixture_is_em_written_out(components: int, seed: int) -> None:
    """On two overlapping heaps, whatever their unit."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(0, 1, 60), rng.normal(4, 0.5, 30)])
    np.testing.assert_allclose(membership(values, components), slow_mixture(values, components), atol=1e-9)
    np.testing.assert_allclose(membership(values), membership(1e3 * values - 7), atol=1e-9)


def test_the_mixture_tells_two_heaps_apart() -> None:
    """Each of 200 values of separate heaps belongs where it was drawn."""
    rng = np.random.default_rng(0)
    high = rng.permutation(200) < 60
    values = np.where(high, 8.0, 0.0) + rng.normal(size=200)
    np.testing.assert_array_equal(membership(values) > 0.5, high)


def test_the_detector_is_regularized_cross_entropy_of_logits_over_temperature() -> None:
    """Solved on labeled and bought OOD images; a temperature of 1/2 is a quarter of the penalty on scaled weights."""
    pool = open_pool(3)
    features = pool.features - pool.features.mean(axis=0)
    features /= np.sqrt((features**2).sum(axis=1).mean())
    rows = np.flatnonzero(pool.labeled | pool.outliers)  # type: ignore[operator]
    answers = np.where(pool.outliers, 4, pool.labels)[rows]  # type: ignore[arg-type]
    padded = np.column_stack([features, np.ones(len(features))])

    def loss(flat: np.ndarray) -> float:
        weights = flat.reshape(5, 4)
        logits = padded[rows] @ weights.T / 0.5
        fit = logsumexp(logits, axis=1) - logits[np.arange(len(rows)), answers]
        return float(fit.sum() + 0.1 / 2 * (weights**2).sum())

    solution = minimize(loss, np.zeros(20), method="BFGS", options={"gtol": 1e-8}).x.reshape(5, 4)
    found = outlier_logits(pool, Shown.of(pool), 0.1 * 0.5**2)
    np.testing.assert_allclose(found, padded @ solution.T / 0.5, atol=1e-4)


def test_the_ranking_by_predicted_class() -> None:
    """Images of a predicted class compete by the mixture over that class; what is predicted OOD comes last."""
    logits = np.random.default_rng(0).normal(size=(80, 4)) * 3
    ranking = ranking_by_logits(logits)
    predicted = logits.argmax(axis=1)
    for label in range(3):
        rows = predicted == label
        np.testing.assert_array_equal(ranking[rows], membership(logits[rows].max(axis=1)))
    foreign = np.flatnonzero(predicted == 3)
    assert ranking[foreign].max() < 0
    by_logit = sorted(foreign, key=lambda row: logits[row, 3])
    assert sorted(foreign, key=lambda row: -ranking[row]) == by_logit


def test_the_detector_does_not_care_for_the_unit_of_the_features() -> None:
    """Features a million times as large, or shifted, give the same query."""
    pool = open_pool(4)
    expected = Lfosa().ranking(pool)
    for moved in (1e6 * pool.features, pool.features + 5):
        np.testing.assert_allclose(Lfosa().ranking(replace(pool, features=moved)), expected, atol=1e-6)
