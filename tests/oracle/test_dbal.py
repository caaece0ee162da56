"""BALD: against the definition, the bounds 0 and log c, and batchbald_redux where it is installed."""

import numpy as np
import pytest
from scipy.stats import entropy

from dalbt_ray.strategies.dbal import DBAL
from tests.oracle.pool_of_passes import pool_of


def test_equals_the_definition_as_a_kullback_leibler_mean() -> None:
    """I = mean_t KL(p_t, mean p): another formula for the same quantity, one image and pass at a time."""
    passes = np.random.default_rng(0).dirichlet(np.full(5, 0.3), size=(30, 8))
    expected = [np.mean([entropy(p, image.mean(axis=0)) for p in image]) for image in passes]
    np.testing.assert_allclose(DBAL().ranking(pool_of(passes)), expected, atol=1e-12)


def test_two_sure_passes_that_contradict_each_other_tell_log_two() -> None:
    """One-hot on different classes gives log 2, the most that two passes can tell; no NaN from log 0."""
    passes = np.zeros((1, 2, 10))
    passes[0, 0, 3] = passes[0, 1, 7] = 1.0
    np.testing.assert_allclose(DBAL().ranking(pool_of(passes)), [np.log(2)], rtol=1e-15)


@pytest.mark.parametrize("sharpness", [1e-3, 1.0, 1e3])
def test_between_zero_and_log_classes(sharpness: float) -> None:
    """0 <= I <= log c in float32, from one-hot passes to uniform ones."""
    passes = np.random.default_rng(2).dirichlet(np.full(4, sharpness), size=(200, 12)).astype(np.float32)
    information = DBAL().ranking(pool_of(passes))
    assert information.min() >= 0
    assert information.max() <= np.log(4) + 1e-6


def test_identical_passes_tell_nothing() -> None:
    """Without dropout the passes agree and the score is 0, however uncertain they are."""
    passes = np.repeat(np.random.default_rng(3).dirichlet(np.ones(3), size=(20, 1)), 6, axis=1)
    np.testing.assert_allclose(DBAL().ranking(pool_of(passes)), 0, atol=1e-15)


def test_picks_and_scores_of_batchbald_redux() -> None:
    """The best ten and their scores are those of the BatchBALD authors' package."""
    torch = pytest.importorskip("torch")
    redux = pytest.importorskip("batchbald_redux.batchbald")
    passes = np.random.default_rng(4).dirichlet(np.full(6, 0.5), size=(100, 20))
    expected = redux.get_bald_batch(torch.log(torch.from_numpy(passes)), 10)
    pool = pool_of(passes)
    picks = DBAL().select(pool, 10, np.random.default_rng(0))
    assert picks.tolist() == [int(i) for i in expected.indices]
    np.testing.assert_allclose(
        DBAL().ranking(pool)[picks], torch.topk(torch.from_numpy(DBAL().ranking(pool)), 10).values
    )
