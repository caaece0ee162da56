"""Weibull fits against scipy and against laws that are known."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import weibull_min

from dalbt_ray.weibull import WeibullFit, cdf_of_log_hazard, fit_weibull, fit_weibulls, log_hazard


@pytest.mark.parametrize("shape", [0.4, 1.0, 3.0, 12.0, 90.0])
@pytest.mark.parametrize("n", [3, 20, 500])
def test_equals_scipys_two_parameter_fit(shape: float, n: int) -> None:
    """To 1e-3 relative, which is what scipy's simplex search reaches."""
    distances = 2.5 * np.random.default_rng(n).weibull(shape, n)
    expected_shape, _, expected_scale = weibull_min.fit(distances, floc=0)
    fit = fit_weibull(distances)
    assert fit.shape == pytest.approx(expected_shape, rel=1e-3)
    assert fit.scale == pytest.approx(expected_scale, rel=1e-3)


@pytest.mark.parametrize("shape", [0.02, 0.3, 5.0, 1e4])
def test_solves_the_likelihood_equation_to_machine_precision(shape: float) -> None:
    """Against Brent's method on the textbook form of the equation, in logs."""
    logs = np.log(np.random.default_rng(7).weibull(1.0, 200)) / shape

    def equation(k: float) -> float:
        weights = np.exp(k * (logs - logs.max()))
        return float(1 / k + logs.mean() - (weights @ logs) / weights.sum())

    expected = brentq(equation, shape / 10, shape * 10, xtol=1e-14 * shape, rtol=1e-14)
    assert fit_weibull(np.exp(logs)).shape == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("shape", "scale"), [(0.7, 0.1), (2.0, 1.0), (15.0, 40.0)])
def test_recovers_known_parameters(shape: float, scale: float) -> None:
    """From 100,000 draws to 1 %: three standard errors of the shape are 0.8 %."""
    fit = fit_weibull(scale * np.random.default_rng(3).weibull(shape, 100_000))
    assert fit.shape == pytest.approx(shape, rel=0.01)
    assert fit.scale == pytest.approx(scale, rel=0.01 / min(shape, 1.0))


def test_no_other_parameters_are_more_likely() -> None:
    """A grid around the fit: the log-likelihood falls in every direction."""
    distances = np.random.default_rng(4).gamma(3.0, size=60)  # need not be Weibull
    fit = fit_weibull(distances)
    best = weibull_min.logpdf(distances, fit.shape, scale=fit.scale).sum()
    for factor in (0.98, 1.02):
        for shape, scale in ((fit.shape * factor, fit.scale), (fit.shape, fit.scale * factor)):
            assert weibull_min.logpdf(distances, shape, scale=scale).sum() < best


def test_hazard_and_cdf_equal_scipys() -> None:
    """To 1e-12 relative, from deep inside to far outside."""
    distances, fit = np.geomspace(1e-4, 30, 200), WeibullFit(shape=1.7, scale=2.2)
    law = weibull_min(fit.shape, scale=fit.scale)
    hazards = log_hazard(distances, fit)
    np.testing.assert_allclose(-np.exp(hazards), law.logsf(distances), rtol=1e-12)
    np.testing.assert_allclose(cdf_of_log_hazard(hazards), law.cdf(distances), rtol=1e-12)


def test_many_classes_equal_scipy_one_by_one() -> None:
    """Ten groups of different sizes, shapes and scales in one solve."""
    rng = np.random.default_rng(5)
    groups = [10.0 ** (k - 5) * rng.weibull(0.5 + k, 10 + 40 * k) for k in range(10)]
    for group, fit in zip(groups, fit_weibulls(groups), strict=True):
        shape, _, scale = weibull_min.fit(group, floc=0)
        assert fit is not None
        assert (fit.shape, fit.scale) == pytest.approx((shape, scale), rel=1e-3)
