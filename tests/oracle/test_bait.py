"""BAIT: information from autograd, picks and removals from explicit inverses."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.bait import Bait, projected
from dalbt_ray.strategies.fisher import (
    Classifications,
    Information,
    best_addition,
    change,
    cheapest_removal,
)
from tests.contract.pools import smooth_pool


def explicit_information(pool: PoolView, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """(diag(p) - p p^T) (x) h h^T of every image, float64[n, D, D]."""
    return np.stack(
        [
            np.kron(np.diag(p) - np.outer(p, p), np.outer(h, h))
            for p, h in zip(pool.probabilities, features, strict=True)
        ]
    )


def normalized(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """A mean square of 1."""
    return features / np.sqrt((features**2).mean())


def test_information_is_the_expected_hessian_of_the_last_layer() -> None:
    """Autograd's second derivative of the cross-entropy in the weights, which for softmax has no label in it."""
    rng = np.random.default_rng(0)
    h, weight = torch.tensor(rng.normal(size=4)), torch.tensor(rng.normal(size=(3, 4)))
    hessian = torch.autograd.functional.hessian(
        lambda w: torch.nn.functional.cross_entropy(w @ h, torch.tensor(1)), weight
    ).reshape(12, 12)
    p = (weight @ h).softmax(dim=0).numpy()
    images = Classifications.of(p[None], h.numpy()[None])
    np.testing.assert_allclose(images.total_information(np.arange(1)), hessian.numpy(), atol=1e-12)
    factor = images.factor(0)
    np.testing.assert_allclose(factor @ factor.T, hessian.numpy(), atol=1e-12)


def test_projections_and_totals_equal_explicit_ones() -> None:
    """V^T U, V^T A V and sums of V V^T, to 1e-10."""
    rng, pool = np.random.default_rng(1), smooth_pool(1, n=20)
    images = Classifications.of(pool.probabilities, pool.features)
    u, a = rng.normal(size=(12, 5)), rng.normal(size=(12, 12))
    a += a.T
    factors = [images.factor(row) for row in range(20)]
    np.testing.assert_allclose(images.project(u), [f.T @ u for f in factors], atol=1e-10)
    np.testing.assert_allclose(images.forms(a), [f.T @ a @ f for f in factors], atol=1e-10)
    total = explicit_information(pool, pool.features)[3:9].sum(axis=0)
    np.testing.assert_allclose(images.total_information(np.arange(3, 9)), total, atol=1e-10)


def plain_bait(pool: PoolView, budget: int, prior: float) -> list[int]:
    """Algorithm 1 with an explicit inverse for every image at every step."""
    each = explicit_information(pool, normalized(pool.features))
    target = each.mean(axis=0)
    matrix = prior * np.eye(len(target)) + each[pool.labeled].sum(axis=0)
    picks: list[int] = []

    def objective(m: NDArray[np.float64]) -> float:
        return float(np.trace(np.linalg.inv(m) @ target))

    for _ in range(min(2 * budget, len(pool.unlabeled_rows))):
        rest = [row for row in pool.unlabeled_rows.tolist() if row not in picks]
        picks.append(min(rest, key=lambda row: objective(matrix + each[row])))
        matrix = matrix + each[picks[-1]]
    while len(picks) > budget:
        worst = min(picks, key=lambda row: objective(matrix - each[row]))
        picks.remove(worst)
        matrix = matrix - each[worst]
    return picks


@pytest.mark.parametrize("prior", [0.01, 1.0])
@pytest.mark.parametrize("budget", [1, 6, 25])
def test_same_picks_as_explicit_inverses(budget: int, prior: float) -> None:
    """With options that cover everything: forward, backward, the same images in the same order."""
    for seed in range(3):
        pool = smooth_pool(seed, n=50)
        picks = Bait(prior=prior).select(pool, budget, np.random.default_rng(seed))
        assert picks.tolist() == plain_bait(pool, budget, prior)


def test_the_kept_inverse_is_the_inverse() -> None:
    """After twenty additions and ten removals M^-1 and M^-1 F M^-1 are what they are computed from scratch."""
    pool = smooth_pool(3, n=50)
    features = normalized(pool.features)
    each = explicit_information(pool, features)
    images, target = Classifications.of(pool.probabilities, features), each.mean(axis=0)
    information = Information(np.zeros_like(target), target, 0.1)
    kept = information.forward_backward(images, 10)
    inverse = np.linalg.inv(0.1 * np.eye(len(target)) + each[kept].sum(axis=0))
    np.testing.assert_allclose(information.inverse, inverse, atol=1e-9)
    np.testing.assert_allclose(information.sandwich, inverse @ target @ inverse, atol=1e-9)


def test_changes_of_the_objective_are_exact() -> None:
    """tr((I + P)^-1 Q) is what one image takes off the trace."""
    pool = smooth_pool(4, n=30)
    each = explicit_information(pool, pool.features)
    images, target = Classifications.of(pool.probabilities, pool.features), each.mean(axis=0)
    information = Information(np.zeros_like(target), target, 1.0)
    changes = change(images.forms(information.inverse), images.forms(information.sandwich), +1)
    matrix = np.eye(len(target))
    for row in range(30):
        after = np.trace(np.linalg.inv(matrix + each[row]) @ target)
        assert np.trace(target) - after == pytest.approx(changes[row], abs=1e-9)


@pytest.mark.parametrize("size", [1e-6, 0.1, 1.0, 1e3, 1e9])
def test_bounds_leave_out_no_best_image(size: float) -> None:
    """The image that all changes together name, also among copies and where P is next to singular."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        roots = rng.normal(size=(2, 40, 3, 3)) * rng.lognormal(sigma=2, size=(2, 40, 1, 1))
        roots[:, 20:30] = roots[:, :10]
        p, q = roots @ roots.swapaxes(-1, -2)
        p *= size
        assert best_addition(p, q) == change(p, q, +1).argmax()
        p /= 1.0001 * np.linalg.eigvalsh(p).max(axis=1)[:, None, None] * rng.integers(1, 4, (40, 1, 1))
        p[20:30] = p[:10]
        assert cheapest_removal(p, q) == 39 - change(p, q, -1)[::-1].argmin()


def test_projection_keeps_the_strongest_directions() -> None:
    """Inner products of rank-2 features survive two dimensions exactly; all dimensions only rotate."""
    rng = np.random.default_rng(5)
    features = rng.normal(size=(40, 2)) @ rng.normal(size=(2, 6))
    for dimensions in (2, 6):
        short = projected(features, dimensions)
        products = features @ features.T
        scale = np.trace(short @ short.T) / np.trace(products)
        np.testing.assert_allclose(short @ short.T, scale * products, atol=1e-9)
    assert projected(features, 2).shape == (40, 2)


def test_parts_know_what_earlier_parts_picked() -> None:
    """Ten copies of each of six images, six picks in parts of one: no image's copy before every other image."""
    where = np.repeat(np.arange(6), 10)
    repeated = PoolView(
        labeled=np.zeros(60, bool),
        labels=np.full(60, -1),
        probabilities=np.full((60, 3), 1 / 3),
        features=10 * np.eye(6)[where],
    )
    picks = Bait(joint_size=1, prior=1e-3).select(repeated, 6, np.random.default_rng(0))
    assert sorted(where[picks].tolist()) == [0, 1, 2, 3, 4, 5]
