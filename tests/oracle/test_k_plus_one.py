"""k_plus_one and its ceiling against the rules written out image by image."""

from dataclasses import replace

import numpy as np
import pytest

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.k_plus_one import KPlusOne
from dalbt_ray.strategies.oracle_purity import OraclePurity
from dalbt_ray.strategies.uncertainty import uncertainty


def open_pool(seed: int, n: int = 40, classes: int = 4) -> PoolView:
    """A third of the images labeled, some bought OOD ones, and a classifier that has the class for them."""
    rng = np.random.default_rng(seed)
    role = rng.permutation(n) % 6
    labeled, outliers = role < 2, role == 2
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, rng.integers(classes, size=n), -1),
        probabilities=rng.dirichlet(np.full(classes, 0.5), n),
        features=rng.normal(size=(n, 3)),
        removed=outliers,
        outliers=outliers,
        outlier_probability=rng.random(n),
        bought=np.where(outliers, 0, -1),
    )


@pytest.mark.parametrize("measure", ["margin", "entropy", "least_confidence"])
def test_uncertainty_is_0_when_certain_and_1_when_even(measure: str) -> None:
    """All three measures share their ends, so that products of them compare; between, each is its textbook form."""
    p = np.array([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.3, 0.2]])
    entropy = -sum(value * np.log(value) for value in p[2]) / np.log(3)
    expected = {"margin": 0.8, "entropy": entropy, "least_confidence": 0.5 * 3 / 2}[measure]
    np.testing.assert_allclose(uncertainty(p, measure), [0.0, 1.0, expected], atol=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize("outliers", ["weigh", "cut"])
@pytest.mark.parametrize("seed", range(3))
def test_the_rule_image_by_image(outliers: str, seed: int) -> None:
    """Chance of being ours times one minus the margin; or the margin alone, what is taken for OOD behind it."""
    pool = open_pool(seed)
    method = KPlusOne(outliers=outliers)  # type: ignore[arg-type]
    wanted = []
    for row in range(len(pool.labeled)):
        known, foreign = pool.probabilities[row], pool.outlier_probability[row]  # type: ignore[index]
        first, second = sorted(known)[::-1][:2]
        unsure = 1 - (first - second)
        every = np.append((1 - foreign) * known, foreign)  # the softmax over K + 1 classes
        if outliers == "weigh":
            wanted.append((1 - foreign) * unsure)
        else:
            wanted.append(-foreign if every.argmax() == len(known) else unsure)
    np.testing.assert_allclose(method.ranking(pool), wanted, rtol=1e-12)
    assert (method.outlier_score(pool) == pool.outlier_probability).all()


def test_the_first_query_is_random_unless_the_rule_is_asked_for() -> None:
    """Nothing bought yet: every image is wanted alike, or by the margin alone."""
    pool = open_pool(0)
    none = np.zeros_like(pool.labeled)
    first = replace(pool, outliers=none, removed=none, outlier_probability=None, bought=np.full(40, -1))
    assert len(set(KPlusOne().ranking(first))) == 1
    np.testing.assert_array_equal(
        KPlusOne(first_query="rule").ranking(first), uncertainty(pool.probabilities, "margin")
    )
    picks = [tuple(KPlusOne().select(first, 5, np.random.default_rng(seed))) for seed in range(3)]
    assert len(set(picks)) == 3


def test_the_ceiling_buys_ours_only_and_the_most_unsure_first() -> None:
    """As long as there are any; without being told it is margin sampling."""
    pool, rng = open_pool(1), np.random.default_rng(0)
    is_ood = rng.random(40) < 0.5
    told = replace(pool, revealed_ood=is_ood)
    ours = [row for row in pool.unlabeled_rows if not is_ood[row]]
    expected = sorted(ours, key=lambda row: -uncertainty(pool.probabilities, "margin")[row])
    picks = OraclePurity().select(told, len(ours) + 2, rng)
    assert picks[: len(ours)].tolist() == expected
    assert is_ood[picks[len(ours) :]].all()
    np.testing.assert_array_equal(OraclePurity().ranking(pool), uncertainty(pool.probabilities, "margin"))
