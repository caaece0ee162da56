"""Weibull fits: what is refused, what is degenerate, and how the fit moves with its data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dalbt_ray.weibull import (
    DegenerateDistancesError,
    WeibullFit,
    cdf_of_log_hazard,
    fit_weibull,
    fit_weibulls,
    log_hazard,
)


@pytest.mark.parametrize(
    "distances",
    [
        [],
        [2.0],
        [1.0, 2.0],
        [3.0] * 50,
        [0.0] * 50,
        [0.0, 0.0, 1.0, 2.0],
        [1.0, 1.0 + 1e-13, 1.0 - 1e-13, 1.0 + 2e-13],
    ],
    ids=["none", "one", "two", "constant", "zeros", "two and zeros", "equal but for rounding"],
)
def test_fewer_than_three_distinct_distances_are_degenerate(distances: list[float]) -> None:
    """Where scipy answers with a shape of 1e7 or so: an error here, and None among many groups."""
    with pytest.raises(DegenerateDistancesError, match="fewer than 3"):
        fit_weibull(np.array(distances))
    fits = fit_weibulls([np.array(distances), np.array([1.0, 2.0, 3.0])])
    assert fits[0] is None
    assert fits[1] == fit_weibull(np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1e-9])
def test_refuses_what_is_not_a_distance(bad: float) -> None:
    """NaN, infinity and negative numbers are errors of the caller, not degenerate data; the group is named."""
    with pytest.raises(ValueError, match="group 1") as caught:
        fit_weibulls([np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, bad])])
    assert not isinstance(caught.value, DegenerateDistancesError)


def test_zeros_do_not_take_part() -> None:
    """A Weibull law has no mass at zero: adding zeros changes nothing."""
    distances = np.random.default_rng(0).weibull(2.4, 100)
    fit, with_zeros = fit_weibull(distances), fit_weibull(np.concatenate([np.zeros(25), distances]))
    assert (with_zeros.shape, with_zeros.scale) == pytest.approx((fit.shape, fit.scale), rel=1e-12)


@pytest.mark.parametrize("unit", [1e-200, 1e-6, 1e9, 1e200])
def test_the_scale_carries_the_unit(unit: float) -> None:
    """Distances in another unit: the same shape, the scale times the unit, at any magnitude."""
    distances = np.random.default_rng(1).weibull(3.0, 80)
    fit, moved = fit_weibull(distances), fit_weibull(distances * unit)
    assert moved.shape == pytest.approx(fit.shape, rel=1e-9)
    assert moved.scale == pytest.approx(fit.scale * unit, rel=1e-9)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(exponent=st.floats(0.01, 100), seed=st.integers(0, 5), n=st.integers(3, 40))
def test_a_power_of_a_weibull_is_a_weibull(exponent: float, seed: int, n: int) -> None:
    """If d has shape k and scale s, d^q has shape k/q and scale s^q; so does the maximum of the likelihood."""
    distances = np.random.default_rng(seed).weibull(2.0, n) * 1.7
    fit, moved = fit_weibull(distances), fit_weibull(distances**exponent)
    assert moved.shape == pytest.approx(fit.shape / exponent, rel=1e-7)
    assert moved.scale == pytest.approx(fit.scale**exponent, rel=1e-7)


def test_groups_do_not_influence_each_other() -> None:
    """Fitted together or one by one, groups of different sizes give the same laws to the last digits."""
    rng = np.random.default_rng(2)
    groups = [
        scale * rng.weibull(shape, n) for shape, scale, n in [(0.5, 1, 4), (3, 1e-3, 500), (60, 1e4, 30)]
    ]
    together = fit_weibulls([groups[0], np.empty(0), *groups[1:]])
    assert together.pop(1) is None
    for fit, group in zip(together, groups, strict=True):
        alone = fit_weibull(group)
        assert fit is not None
        assert (fit.shape, fit.scale) == pytest.approx((alone.shape, alone.scale), rel=1e-12)


def test_no_groups_no_fits() -> None:
    """The empty list is a valid set of groups."""
    assert fit_weibulls([]) == []


def test_hazard_and_cdf_of_a_known_law() -> None:
    """At the scale the CDF is 1 - 1/e whatever the shape; at zero nothing is smaller."""
    fit = WeibullFit(shape=2.0, scale=3.0)
    distances = np.array([0.0, 3.0, 6.0])
    hazards = log_hazard(distances, fit)
    np.testing.assert_allclose(hazards, [-np.inf, 0.0, np.log(4.0)])
    np.testing.assert_allclose(cdf_of_log_hazard(hazards), [0.0, 1 - np.exp(-1), 1 - np.exp(-4)])


def test_far_distances_keep_their_order_where_the_cdf_saturates() -> None:
    """The CDF of all these is exactly 1 in float64; their log hazard still tells them apart."""
    fit = WeibullFit(shape=90.0, scale=1.0)
    distances = np.linspace(2.0, 1e5, 1000)
    hazards = log_hazard(distances, fit)
    assert (cdf_of_log_hazard(hazards) == 1.0).all()
    assert (np.diff(hazards) > 0).all()
