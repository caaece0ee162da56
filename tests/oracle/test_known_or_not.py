"""Mahalanobis distances against scikit-learn's covariance, and dalbt's likelihood ratio image by image with scipy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from scipy.stats import weibull_min
from sklearn.covariance import LedoitWolf

from dalbt_ray.metrics.auroc import auroc
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.class_tails import ClassTails
from dalbt_ray.strategies.dalbt import Dalbt
from dalbt_ray.strategies.known_or_not import KnownOrNot, filled_dimension
from dalbt_ray.strategies.margin import margin
from dalbt_ray.strategies.whitening import Whitening

D = 5


def taken_for_ours(seed: int, n: int = 300) -> tuple[PoolView, np.ndarray]:
    """Three classes in five dimensions, and OOD images beside two of them that the classifier takes for these."""
    rng = np.random.default_rng(seed)
    group = rng.integers(5, size=n)  # 3 and 4 are OOD, taken for classes 0 and 1
    taken = np.where(group >= 3, group - 3, group)
    shape = rng.normal(size=(D, D)) / 2 + np.eye(D)
    centers = 6.0 * np.eye(D)[taken] + 4.0 * np.eye(D)[3] * (group >= 3)[:, None]
    features = centers + rng.normal(size=(n, D)) @ shape
    answered = rng.random(n) < 0.5
    labeled, outliers = answered & (group < 3), answered & (group >= 3)
    probabilities = 0.2 * rng.dirichlet(np.ones(3), n) + 0.8 * np.eye(3)[taken]
    pool = PoolView(
        labeled=labeled, labels=np.where(labeled, group, -1), probabilities=probabilities, features=features,
        removed=outliers, outliers=outliers, bought=np.where(answered & (rng.random(n) < 0.8), 0, -1),
    )  # fmt: skip
    return replace(pool, bought=np.where(outliers, 0, pool.bought)), group >= 3


@pytest.mark.parametrize("count", [30, 4])
def test_distances_are_mahalanobis_distances_under_ledoit_and_wolf(count: int) -> None:
    """More images than dimensions and fewer; scikit-learn's covariance of the same residuals, scipy's distance."""
    rng = np.random.default_rng(count)
    features = 3 + rng.normal(size=(count, D)) * np.arange(1, D + 1)
    means = np.tile(features.mean(axis=0), (count, 1))
    whitening = Whitening.of(features, means)
    covariance = LedoitWolf(assume_centered=True).fit(features - means).covariance_
    mean = whitening(means[:1])[0]
    for row in features:
        expected = mahalanobis(row, means[0], np.linalg.inv(covariance))
        assert np.linalg.norm(whitening(row[None])[0] - mean) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(2))
def test_the_likelihood_ratio_image_by_image(seed: int) -> None:
    """Densities of both distances, divided by the spheres they spread over, and the odds of what was bought; scipy."""
    pool, _ = taken_for_ours(seed)
    known = ClassTails.of(pool, "euclidean", "plain")
    assert known is not None
    correct = np.flatnonzero(pool.labeled & (pool.predicted == pool.labels))
    outliers = np.flatnonzero(pool.outliers)  # type: ignore[arg-type]
    means = [pool.features[correct[pool.labels[correct] == k]].mean(axis=0) for k in range(3)]
    spread = np.concatenate([pool.features[row] - means[pool.labels[row]] for row in correct]).reshape(-1, D)
    variances = np.linalg.eigvalsh(spread.T @ spread)
    dimension = variances.sum() ** 2 / (variances**2).sum()
    assert filled_dimension(pool, known) == pytest.approx(dimension)
    purchased = (pool.bought >= 0) & pool.labeled  # type: ignore[operator]
    prior = np.log((purchased.sum() + 1) / (len(outliers) + 1))

    def log_density(row: int, members: np.ndarray) -> float:
        center = pool.features[members].mean(axis=0)
        shape, _, scale = weibull_min.fit(np.linalg.norm(pool.features[members] - center, axis=1), floc=0)
        distance = np.linalg.norm(pool.features[row] - center)
        return float(weibull_min.logpdf(distance, shape, scale=scale) - (dimension - 1) * np.log(distance))

    laws = KnownOrNot.of(pool, known, "plain")
    assert laws is not None
    found = laws.log_odds(pool)
    for row in np.flatnonzero(pool.predicted < 2)[:40]:  # of class 2 nothing OOD was bought
        label = pool.predicted[row]
        ours = log_density(row, correct[pool.labels[correct] == label])
        theirs = log_density(row, outliers[pool.predicted[outliers] == label])
        assert found[row] == pytest.approx(ours - theirs + prior, rel=1e-2, abs=1e-2)
    ranking = Dalbt(policy="likelihood_ratio", tails="plain").ranking(pool)
    chance = 1 / (1 + np.exp(-found))
    np.testing.assert_allclose(ranking, chance * (1 - margin(pool.probabilities)), rtol=1e-9)


@pytest.mark.parametrize("distance", ["euclidean", "mahalanobis"])
def test_it_recognizes_what_is_taken_for_ours(distance: str) -> None:
    """Positive control: OOD images beside their class, of which half were bought; the hazard sees no more of them."""
    for seed in range(3):
        pool, is_ood = taken_for_ours(seed)
        rows = pool.unlabeled_rows
        method = Dalbt(policy="likelihood_ratio", distance=distance)  # type: ignore[arg-type]
        score = method.outlier_score(pool)
        assert score is not None
        found = auroc(score[rows], is_ood[rows])
        assert found is not None
        assert found > 0.9
        hazard = auroc(Dalbt(distance=distance).score(pool)[rows], is_ood[rows])  # type: ignore[arg-type]
        assert hazard is not None
        assert found >= hazard


def test_before_anything_was_learned() -> None:
    """The first query is random; then, until three OOD images tell a law, the margin decides."""
    pool, _ = taken_for_ours(0)
    method, nothing = Dalbt(policy="likelihood_ratio"), np.zeros_like(pool.labeled)
    first = replace(pool, outliers=nothing, removed=nothing, bought=np.full(len(nothing), -1))
    assert len(set(method.ranking(first))) == 1
    second = replace(pool, outliers=nothing, removed=nothing)
    np.testing.assert_array_equal(method.ranking(second), 1 - margin(pool.probabilities))
