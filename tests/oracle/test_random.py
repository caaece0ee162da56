"""Uniform sampling: frequencies, and purity in a mixed pool."""

import numpy as np
from scipy.stats import chi2

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.random import Random


def pool_of(labeled: np.ndarray) -> PoolView:
    """A pool in which only `labeled`, bool[n], matters."""
    n = len(labeled)
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, 0, -1),
        probabilities=np.full((n, 2), 0.5),
        features=np.zeros((n, 1)),
    )


def test_every_unlabeled_image_is_bought_equally_often() -> None:
    """Chi-square on the frequencies of 3,000 queries of 5 out of 20, at the 99.9 % point."""
    labeled = np.arange(25) % 5 == 0
    pool, counts, queries = pool_of(labeled), np.zeros(25), 3000
    for seed in range(queries):
        counts[Random().select(pool, 5, np.random.default_rng(seed))] += 1
    expected = queries * 5 / 20
    # Draws without replacement vary less, by (1 - 5/20), and the counts add up: 19 degrees of freedom.
    statistic = ((counts[~labeled] - expected) ** 2 / (expected * (1 - 5 / 20)) * 19 / 20).sum()
    assert statistic < chi2(19).ppf(0.999)
    assert counts[labeled].sum() == 0


def test_every_place_in_the_order_is_equally_likely() -> None:
    """The first of a query of everything is uniform too: the order is a permutation drawn uniformly."""
    pool = pool_of(np.zeros(6, bool))
    firsts = [int(Random().select(pool, 6, np.random.default_rng(seed))[0]) for seed in range(3000)]
    counts = np.bincount(firsts, minlength=6)
    assert ((counts - 500) ** 2 / 500).sum() < chi2(5).ppf(0.999)


def test_purity_is_the_pools_share() -> None:
    """Of 40,000 own and 10,000 OOD images 80 % of a query are own, to 3 standard errors."""
    picks = Random().select(pool_of(np.zeros(50_000, bool)), 2500, np.random.default_rng(0))
    assert abs((picks < 40_000).mean() - 0.8) < 3 * np.sqrt(0.8 * 0.2 / 2500)
