"""Shrinkage of class tails: scipy's fits, integrals and grids step by step; its limits; and what it is for."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import gamma, norm, rankdata, weibull_min

from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dalbt import Dalbt
from dalbt_ray.strategies.shrinkage import SHAPE_PRIOR, shrunk_fits
from dalbt_ray.weibull import WeibullFit, fit_weibull, fit_weibulls

Vector = NDArray[np.float64]


def draws(seed: int, laws: list[tuple[float, float, int]]) -> list[Vector]:
    """Distances of each class from (shape, scale, count)."""
    rng = np.random.default_rng(seed)
    return [scale * rng.weibull(shape, count) for shape, scale, count in laws]


def shrink(groups: list[Vector], fallback_shape: float = 4.0) -> tuple[list[WeibullFit], WeibullFit]:
    """`shrunk_fits` of groups alone."""
    return shrunk_fits(groups, fit_weibulls(groups), fallback_shape)


def posterior_mean(estimate: float, variance: float, mean: float, between: float) -> float:
    """Of a normal value with a normal prior, by summing over a fine grid."""
    grid = np.linspace(min(estimate, mean) - 1, max(estimate, mean) + 1, 200_001)
    weights = norm.pdf(estimate, grid, variance**0.5) * norm.pdf(grid, mean, between**0.5)
    return float((grid * weights).sum() / weights.sum())


def log_gamma_moments(n: int) -> tuple[float, float]:
    """Mean and variance of log(G / n) for a gamma variable with n degrees, by integration."""
    mean, square = (
        quad(lambda x, p=power: (np.log(x / n) ** p) * gamma.pdf(x, n), 0, 60 + 8 * n, limit=500)[0]
        for power in (1, 2)
    )
    return mean, square - mean**2


def slow_shrinkage(groups: list[Vector]) -> list[tuple[float, float]]:
    """Shape and scale of each class, following the module's docstring one class at a time."""
    shapes, variances = [], []
    for group in groups:
        shape, _, _ = weibull_min.fit(group, floc=0)
        shapes.append(np.log(shape) - 1.05 / (len(group) - 1))
        variances.append(0.6079 / (len(group) - 1.75))
    center = sum(x / v for x, v in zip(shapes, variances, strict=True)) / sum(1 / v for v in variances)
    prior = 0.6079 / SHAPE_PRIOR
    k = [np.exp(posterior_mean(x, v, center, prior)) for x, v in zip(shapes, variances, strict=True)]

    logs, spreads = [], []
    for group, shape in zip(groups, k, strict=True):
        mean, variance = log_gamma_moments(len(group))
        logs.append((np.log(np.mean(group**shape)) - mean) / shape)
        spreads.append(variance / shape**2)
    weights = [1 / v for v in spreads]
    fixed = np.average(logs, weights=weights)
    excess = sum(w * (x - fixed) ** 2 for w, x in zip(weights, logs, strict=True)) - (len(groups) - 1)
    between = excess / (sum(weights) - sum(w**2 for w in weights) / sum(weights))
    assert between > 0
    middle = np.average(logs, weights=[1 / (v + between) for v in spreads])
    s = [np.exp(posterior_mean(x, v, middle, between)) for x, v in zip(logs, spreads, strict=True)]
    return list(zip(k, s, strict=True))


def test_equals_the_slow_computation() -> None:
    """Unequal classes of 5 to 30 images: shapes and scales to 1e-3, which is what scipy's search reaches."""
    groups = draws(0, [(4, 1, 5), (7, 1.5, 12), (5, 0.8, 30), (6, 2, 9)])
    fits, _ = shrink(groups)
    np.testing.assert_allclose([(fit.shape, fit.scale) for fit in fits], slow_shrinkage(groups), rtol=1e-3)


def test_the_sampling_law_of_a_fitted_shape() -> None:
    """Mean and variance of log(k_fit / k) that the docstring states, against 4,000 samples at each n."""
    rng = np.random.default_rng(1)
    for n in (4, 7, 15, 40):
        fits = fit_weibulls(list(rng.weibull(1.0, (4_000, n))))
        logs = np.log([fit.shape for fit in fits if fit is not None])
        assert logs.mean() == pytest.approx(1.05 / (n - 1), abs=0.02)
        assert logs.var() == pytest.approx(0.6079 / (n - 1.75), rel=0.1)


def test_many_images_give_the_plain_fit() -> None:
    """With 50,000 images a class's own fit is kept within half a percent, however different the other classes are."""
    groups = draws(2, [(3, 1, 50_000), (9, 2, 50_000), (6, 0.5, 8)])
    for fit, group in zip(shrink(groups)[0][:2], groups[:2], strict=True):
        plain = fit_weibull(group)
        assert (fit.shape, fit.scale) == pytest.approx((plain.shape, plain.scale), rel=5e-3)


def test_no_distance_gives_the_pooled_law() -> None:
    """A class of one image has no distance to the others of its class, and adds nothing to the pooled law either."""
    groups = draws(3, [(4, 1, 10), (6, 2, 20)])
    fits, pooled = shrink(groups)
    with_empty, same = shrink([*groups, np.empty(0)])
    assert with_empty == [*fits, pooled]
    assert same == pooled


def test_the_shape_of_a_class_with_two_images_is_the_pooled_one() -> None:
    """Two distances tell a scale but no shape."""
    fits, pooled = shrink([*draws(4, [(4, 1, 10), (6, 1, 20)]), np.array([5.0, 5.0])])
    assert fits[2].shape == pytest.approx(pooled.shape)
    assert fits[2].scale > 2 * pooled.scale


def test_errors_are_smaller_than_those_of_plain_fits() -> None:
    """Over 200 sets of ten classes with 5 to 30 images: squared error of log shape a fifth, of log scale two thirds."""
    rng = np.random.default_rng(5)
    errors = {"shrunk": np.zeros(2), "plain": np.zeros(2)}
    for _ in range(200):
        shapes, scales = 6 * np.exp(0.05 * rng.normal(size=10)), np.exp(0.05 * rng.normal(size=10))
        counts = rng.integers(5, 31, 10)
        groups = [s * rng.weibull(k, n) for k, s, n in zip(shapes, scales, counts, strict=True)]
        for name, fits in (("shrunk", shrink(groups)[0]), ("plain", fit_weibulls(groups))):
            laws = np.log([(fit.shape, fit.scale) for fit in fits if fit is not None])
            errors[name] += ((laws - np.log(np.stack([shapes, scales], 1))) ** 2).mean(axis=0)
    assert (errors["shrunk"] <= errors["plain"] * [1 / 5, 2 / 3]).all()


def auroc(score: Vector, positive: NDArray[np.bool_]) -> float:
    """Probability that a positive scores above a negative."""
    ranks = rankdata(score)[positive]
    count = int(positive.sum())
    return float((ranks.sum() - count * (count + 1) / 2) / (count * (len(score) - count)))


def clusters(seed: int) -> tuple[PoolView, NDArray[np.bool_]]:
    """Ten Gaussian classes with 5 to 30 correct labeled images, 200 unlabeled images each, and 200 OOD ones.

    The OOD images lie between the classes, so that each is taken for the class whose center is nearest.

    Returns:
        The pool, and bool[n]: which images are OOD.
    """
    rng = np.random.default_rng(seed)
    centers = 6 * np.linalg.qr(rng.normal(size=(30, 30)))[0][:10]
    counts = np.linspace(5, 30, 10).astype(int)
    labels = np.concatenate(
        [np.repeat(np.arange(10), counts), np.repeat(np.arange(10), 200), np.full(200, -1)]
    )
    features = centers[labels] + rng.normal(size=(len(labels), 30))
    ood = labels < 0
    features[ood] = 0.5 * centers[rng.integers(10, size=200)] + 1.5 * rng.normal(size=(200, 30))
    nearness = -((features[:, None] - centers) ** 2).sum(axis=2) / 2
    probabilities = np.exp(nearness - nearness.max(axis=1, keepdims=True))
    labeled = np.arange(len(labels)) < counts.sum()
    pool = PoolView(
        labeled=labeled,
        labels=np.where(labeled, labels, -1),
        probabilities=probabilities / probabilities.sum(axis=1, keepdims=True),
        features=features,
    )
    return pool, ood


@pytest.mark.parametrize("seed", range(5))
def test_a_query_is_spread_over_classes_of_unequal_count(seed: int) -> None:
    """Without OOD images 100 picks cover at least 6 predicted classes; the plain fits cover fewer."""
    pool, ood = clusters(seed)
    shown = PoolView(
        labeled=pool.labeled[~ood],
        labels=pool.labels[~ood],
        probabilities=pool.probabilities[~ood],
        features=pool.features[~ood],
    )
    covered = {
        tails: len(set(shown.predicted[Dalbt(tails=tails).select(shown, 100, np.random.default_rng(0))]))  # type: ignore[arg-type]
        for tails in ("shrunk", "plain")
    }
    assert covered["shrunk"] >= 6
    assert covered["plain"] < covered["shrunk"]


@pytest.mark.parametrize("seed", range(5))
def test_images_of_no_class_still_rank_as_outliers(seed: int) -> None:
    """AUROC of OOD images at least 0.95, and higher than that of the plain fits."""
    pool, ood = clusters(seed)
    unlabeled = pool.unlabeled_rows
    found = {
        tails: auroc(Dalbt(tails=tails).ranking(pool)[unlabeled], ood[unlabeled])  # type: ignore[arg-type]
        for tails in ("shrunk", "plain")
    }
    assert found["shrunk"] >= 0.95
    assert found["shrunk"] > found["plain"]


def test_features_of_a_trained_network() -> None:
    """LeNet with a normalized latent, 100 labels of the embedded set: 100 picks cover at least 6 predicted classes."""
    pool, _ = trained(absent=())
    assert len(set(pool.predicted[Dalbt().select(pool, 100, np.random.default_rng(0))])) >= 6


def test_absent_classes_of_a_real_set_rank_as_outliers() -> None:
    """Boots and bags have no label: their images rank above the others, and no lower than by the plain fits."""
    pool, labels = trained(absent=(8, 9))
    unlabeled = pool.unlabeled_rows
    found = {
        tails: auroc(Dalbt(tails=tails).ranking(pool)[unlabeled], np.isin(labels[unlabeled], (8, 9)))  # type: ignore[arg-type]
        for tails in ("shrunk", "plain")
    }
    assert found["shrunk"] >= 0.7
    assert found["shrunk"] >= found["plain"]


def trained(absent: tuple[int, ...]) -> tuple[PoolView, NDArray[np.int64]]:
    """3,100 embedded images as a pool, after 150 steps on 100 of them, and their true classes, int64[n]."""
    image_set = load_image_set("fashion_mini")
    labels = image_set.labels.astype(np.int64)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(np.flatnonzero(~np.isin(labels, absent)))[:100]
    rows = np.concatenate([chosen, rng.permutation(np.setdiff1d(np.arange(len(labels)), chosen))[:3_000]])
    pixels = torch.from_numpy(image_set.images.take(rows)).permute(0, 3, 1, 2).float() / 255
    generator = torch.Generator().manual_seed(0)
    network = build_network(
        LeNet(), NetworkSettings(latent_norm="batch"), image_set.images.shape, 10, generator
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    targets = torch.from_numpy(labels[chosen])
    for _ in range(150):
        batch = torch.randint(100, (64,), generator=generator)
        loss = torch.nn.functional.cross_entropy(network(pixels[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.inference_mode():
        features = network.encode(pixels)
        probabilities = network.classify(features).softmax(1)
    labeled = np.arange(len(rows)) < 100
    pool = PoolView(
        labeled=labeled,
        labels=np.where(labeled, labels[rows], -1),
        probabilities=probabilities.numpy(),
        features=features.numpy(),
    )
    return pool, labels[rows]
