"""MC-Dropout: entropy of the mean of the passes, against scipy and against what no dropout must give."""

import numpy as np
from scipy.stats import entropy

from dalbt_ray.strategies.mc_dropout import MCDropout
from tests.oracle.pool_of_passes import pool_of


def test_ranking_is_scipy_entropy_of_the_mean_pass() -> None:
    """The score is scipy's entropy of the averaged probabilities, not the average of entropies."""
    passes = np.random.default_rng(0).dirichlet(np.ones(4), size=(50, 7))
    expected = [entropy(image.mean(axis=0)) for image in passes]
    np.testing.assert_allclose(MCDropout().ranking(pool_of(passes)), expected, rtol=1e-12)


def test_certain_images_score_zero_not_nan() -> None:
    """A softmax that underflowed to exact zeros has entropy 0 and is acquired last."""
    passes = np.zeros((3, 5, 2), np.float32)
    passes[:2, :, 0] = 1.0
    passes[2] = 0.5
    pool = pool_of(passes)
    assert MCDropout().ranking(pool).tolist() == [0.0, 0.0, np.log(2)]
    assert MCDropout().select(pool, 3, np.random.default_rng(0))[0] == 2


def test_without_dropout_it_is_plain_entropy() -> None:
    """Identical passes (dropout probability 0) rank as the entropy of one pass."""
    single = np.random.default_rng(1).dirichlet(np.ones(3), size=40)
    passes = np.repeat(single[:, None], 6, axis=1)
    np.testing.assert_allclose(MCDropout().ranking(pool_of(passes)), entropy(single, axis=1), rtol=1e-12)
