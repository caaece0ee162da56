"""Paired tests, Holm's correction and power, against exact enumeration, simulation, scipy and statsmodels."""

from itertools import product

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from dalbt_ray.report.paired import detectable_difference, holm, paired_t_test, smallest_exact_p


@pytest.mark.parametrize("n", [2, 5, 6])
def test_smallest_exact_p_equals_enumeration(n: int):
    """Of all sign flips of n equal gains, two are as extreme as the observed one."""
    sums = [abs(sum(signs)) for signs in product((-1, 1), repeat=n)]
    assert smallest_exact_p(n) == sum(total == n for total in sums) / 2**n


@pytest.mark.parametrize(("n", "difference", "power"), [(5, 1.0, 0.79), (5, 0.5, 0.29)])
def test_detectable_difference_gives_the_published_powers(n: int, difference: float, power: float):
    """With a spread of 0.6 points, 5 seeds find 1.0 points with power 0.79 and 0.5 points with power 0.29."""
    assert detectable_difference(0.6, n, power=power) == pytest.approx(difference, abs=0.015)


def test_detectable_difference_by_simulation():
    """At the returned difference four of five simulated experiments are significant."""
    n, runs = 4, 20_000
    difference = detectable_difference(1.0, n)
    samples = np.random.default_rng(0).normal(difference, 1.0, size=(n, runs))
    found = (paired_t_test(samples).p < 0.05).mean()
    assert found == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / runs))


def test_paired_test_equals_scipys():
    """Many columns at once, with seeds missing here and there."""
    rng = np.random.default_rng(1)
    differences = rng.normal(0.3, 1, size=(7, 5))
    differences[0, 1] = differences[2, 1] = differences[5, 4] = np.nan
    ours = paired_t_test(differences)
    for column in range(5):
        kept = differences[~np.isnan(differences[:, column]), column]
        theirs = stats.ttest_1samp(kept, 0)
        interval = theirs.confidence_interval(0.95)
        assert ours.n[column] == len(kept)
        assert ours.p[column] == pytest.approx(theirs.pvalue)
        assert (ours.low[column], ours.high[column]) == pytest.approx((interval.low, interval.high))


def test_equal_differences_get_the_exact_tests_p():
    """Three times the same gain has no spread; p = 0 would be absurd. Three times nothing is no gain."""
    test = paired_t_test(np.array([[0.25, 0.0], [0.25, 0.0], [0.25, 0.0]]))
    assert test.p.tolist() == [0.25, 1.0]


def test_one_pair_cannot_be_tested():
    """And says so by NaN, not by 0 or 1."""
    assert np.isnan(paired_t_test(np.array([[0.1], [np.nan]])).p).all()


def test_holm_by_hand():
    """0.01 * 4, then 0.02 * 3, 0.03 * 2 (not below the one before), 0.5; the missing test does not count."""
    adjusted = holm(np.array([0.03, 0.01, np.nan, 0.5, 0.02]))
    assert adjusted[[1, 4, 0, 3]] == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert np.isnan(adjusted[2])


def test_holm_equals_statsmodels():
    """Random p values with ties."""
    p = np.random.default_rng(0).random(50).round(2)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
