"""Variation ratio: votes counted by hand, and ties that the seed must break."""

from collections import Counter
from dataclasses import replace

import numpy as np

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.ensemble_varr import EnsembleVarR
from tests.oracle import pool_of_passes


def pool_of(members: np.ndarray) -> PoolView:
    """A pool of unlabeled images with these members, float[n, m, c]."""
    return replace(pool_of_passes.pool_of(members), mc_probabilities=None, member_probabilities=members)


def votes_to_probabilities(votes: list[list[int]], classes: int) -> np.ndarray:
    """Member probabilities float[n, m, c] whose largest class is the vote."""
    return np.eye(classes)[np.array(votes)] * 0.7 + 0.3 / classes


def test_votes_by_hand() -> None:
    """Five members: unanimous 0, one dissenter 1/5, 2-2-1 gives 3/5, all different 4/5."""
    members = votes_to_probabilities([[2] * 5, [1, 1, 1, 1, 0], [0, 0, 3, 3, 1], [0, 1, 2, 3, 4]], 5)
    np.testing.assert_allclose(EnsembleVarR().ranking(pool_of(members)), [0.0, 0.2, 0.6, 0.8], atol=1e-15)


def test_counts_votes_not_confidence() -> None:
    """The ratio is that of a plain count over members, whatever their probabilities are."""
    members = np.random.default_rng(0).dirichlet(np.ones(3), size=(60, 7))
    expected = [1 - Counter(p.argmax() for p in image).most_common(1)[0][1] / 7 for image in members]
    np.testing.assert_allclose(EnsembleVarR().ranking(pool_of(members)), expected, atol=1e-15)


def test_ties_follow_the_seed_not_the_order_of_the_pool() -> None:
    """Among equal ratios every row is acquired about equally often; one seed gives one answer."""
    pool = pool_of(votes_to_probabilities([[0, 1, 2, 0, 1]] * 40, 3))
    picks = [EnsembleVarR().select(pool, 10, np.random.default_rng(seed)) for seed in range(400)]
    times = np.bincount(np.concatenate(picks), minlength=40)
    # Each row is acquired Binomial(400, 1/4) times: mean 100, standard deviation 8.7.
    assert times.min() > 60
    assert times.max() < 140
    again = EnsembleVarR().select(pool, 10, np.random.default_rng(7))
    assert again.tolist() == picks[7].tolist()
