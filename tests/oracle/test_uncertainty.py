"""Entropy, margin and least confidence: against scipy, hand-worked cases and each other."""

import numpy as np
import pytest
from scipy.stats import entropy

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.entropy import Entropy
from dalbt_ray.strategies.least_confidence import LeastConfidence
from dalbt_ray.strategies.margin import Margin
from dalbt_ray.strategies.method import Ranked


def pool_of(probabilities: np.ndarray) -> PoolView:
    """An unlabeled pool with these softmax outputs, float[n, c]."""
    n = len(probabilities)
    return PoolView(
        labeled=np.zeros(n, bool),
        labels=np.full(n, -1),
        probabilities=probabilities,
        features=np.zeros((n, 1)),
    )


def test_entropy_equals_scipys() -> None:
    """In nats, to 1e-12, on Dirichlet draws with rows of exact zeros among them."""
    probabilities = np.random.default_rng(0).dirichlet(np.full(6, 0.2), size=200)
    probabilities[:6] = np.eye(6)
    expected = entropy(probabilities, axis=1)
    np.testing.assert_allclose(Entropy().ranking(pool_of(probabilities)), expected, atol=1e-12)


def test_margin_and_least_confidence_by_sorting_each_row() -> None:
    """One image at a time, with Python's sort."""
    probabilities = np.random.default_rng(1).dirichlet(np.full(5, 0.5), size=100)
    ordered = [sorted(row, reverse=True) for row in probabilities.tolist()]
    pool = pool_of(probabilities)
    np.testing.assert_allclose(Margin().ranking(pool), [1 - (row[0] - row[1]) for row in ordered])
    np.testing.assert_allclose(LeastConfidence().ranking(pool), [1 - row[0] for row in ordered])


@pytest.mark.parametrize(
    ("method", "expected"),
    [(Entropy(), [1, 2, 0]), (Margin(), [2, 1, 0]), (LeastConfidence(), [1, 2, 0])],
    ids=lambda value: getattr(value, "name", ""),
)
def test_hand_worked_case_where_the_rules_differ(method: Ranked, expected: list[int]) -> None:
    """Two classes that share the top make the smallest margin, but not the largest entropy."""
    pool = pool_of(np.array([[0.9, 0.1, 0.0], [0.4, 0.3, 0.3], [0.48, 0.47, 0.05]]))
    assert method.select(pool, 3, np.random.default_rng(0)).tolist() == expected


def test_all_three_agree_on_two_classes() -> None:
    """With two classes each is a decreasing function of |p - 1/2|: one order for all."""
    first = np.random.default_rng(2).permutation(np.linspace(0.01, 0.49, 97))
    pool = pool_of(np.stack([first, 1 - first], axis=1))
    orders = [
        method.select(pool, 97, np.random.default_rng(0)).tolist()
        for method in (Entropy(), Margin(), LeastConfidence())
    ]
    assert orders[0] == orders[1] == orders[2] == np.argsort(-first).tolist()


@pytest.mark.parametrize("method", [Entropy(), Margin(), LeastConfidence()], ids=lambda method: method.name)
def test_an_underflowed_softmax_is_the_last_to_be_bought(method: Ranked) -> None:
    """0 log 0 is 0: public versions make it NaN and acquire the most confident images first."""
    pool = pool_of(np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [0.0, 1.0, 0.0]], np.float32))
    assert method.select(pool, 1, np.random.default_rng(0)).tolist() == [1]


@pytest.mark.parametrize("method", [Entropy(), Margin(), LeastConfidence()], ids=lambda method: method.name)
def test_ties_are_broken_by_the_seed_uniformly(method: Ranked) -> None:
    """Equal images: over 2,000 seeds each is acquired first equally often (chi-square below its 99.9 % point)."""
    pool = pool_of(np.full((10, 4), 0.25))
    firsts = [int(method.select(pool, 1, np.random.default_rng(seed))[0]) for seed in range(2000)]
    counts = np.bincount(firsts, minlength=10)
    assert ((counts - 200) ** 2 / 200).sum() < 27.9
