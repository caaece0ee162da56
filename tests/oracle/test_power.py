"""PowerMargin and PowerBALD: the frequencies of draws without replacement, weight by weight."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from dalbt_ray.strategies.dbal import DBAL
from dalbt_ray.strategies.margin import Margin
from dalbt_ray.strategies.method import Ranked
from dalbt_ray.strategies.power_bald import PowerBALD
from dalbt_ray.strategies.power_margin import PowerMargin
from tests.contract.pools import smooth_pool


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("method", [PowerMargin(), PowerBALD()], ids=lambda method: method.name)
def test_the_first_two_picks_are_a_weighted_draw(method: Ranked, power: float) -> None:
    """Pairs over 8,000 seeds: score^power, then the same among the rest (chi-square, 99.9 % point)."""
    pool = smooth_pool(0, n=9)
    rows, method = pool.unlabeled_rows, replace(method, power=power)
    weights = method.ranking(pool)[rows] ** power
    expected = weights[:, None] * weights[None] / (weights.sum() - weights)[:, None] / weights.sum()
    np.fill_diagonal(expected, 0)
    counts, draws = np.zeros_like(expected), 8000
    for seed in range(draws):
        first, second = np.searchsorted(rows, method.select(pool, 2, np.random.default_rng(seed)))
        counts[first, second] += 1
    likely = draws * expected >= 5
    rest = draws * (1 - expected[likely].sum())
    statistic = ((counts - draws * expected)[likely] ** 2 / (draws * expected)[likely]).sum()
    statistic += (draws - counts[likely].sum() - rest) ** 2 / max(rest, 1e-9) if rest > 5 else 0.0
    assert statistic < chi2(likely.sum()).ppf(0.999)


@pytest.mark.parametrize(
    ("noisy", "plain"), [(PowerMargin(power=1e9), Margin()), (PowerBALD(power=1e9), DBAL())]
)
def test_without_noise_it_is_the_plain_method(noisy: Ranked, plain: Ranked) -> None:
    """As power grows the noise vanishes beside the log scores."""
    pool = smooth_pool(1)
    picks = noisy.select(pool, 20, np.random.default_rng(0))
    assert picks.tolist() == plain.select(pool, 20, np.random.default_rng(0)).tolist()


def test_images_without_a_score_come_last() -> None:
    """Certain images (margin 1) have no weight: they only fill up, in any order."""
    pool = smooth_pool(2)
    certain = pool.unlabeled_rows[::2]
    probabilities = pool.probabilities.copy()
    probabilities[certain] = np.eye(3)[0]
    picks = PowerMargin().select(replace(pool, probabilities=probabilities), 60, np.random.default_rng(0))
    assert sorted(picks[-len(certain) :].tolist()) == certain.tolist()
