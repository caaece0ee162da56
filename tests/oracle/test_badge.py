"""BADGE: against explicit gradient embeddings, autograd, and the law of k-means++."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import chi2

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies import badge
from dalbt_ray.strategies.badge import Badge, Gradients


def random_pool(seed: int, n: int, classes: int = 3, width: int = 5) -> PoolView:
    """An unlabeled pool with Dirichlet softmax outputs and Gaussian features."""
    rng = np.random.default_rng(seed)
    return PoolView(
        labeled=np.zeros(n, bool),
        labels=np.full(n, -1),
        probabilities=rng.dirichlet(np.ones(classes), size=n),
        features=rng.normal(size=(n, width)),
    )


def embeddings(pool: PoolView) -> NDArray[np.float64]:
    """Gradient embeddings written out, float64[n, c * d]."""
    errors = pool.probabilities - np.eye(pool.probabilities.shape[1])[pool.predicted]
    return np.einsum("nc,nd->ncd", errors, pool.features).reshape(len(errors), -1)


def nearest_squared(vectors: NDArray[np.float64], picks: list[int]) -> NDArray[np.float64]:
    """Squared distance of each embedding to its nearest pick, float64[n]."""
    return ((vectors[:, None] - vectors[None, picks]) ** 2).sum(axis=2).min(axis=1)


def test_the_embedding_is_the_gradient_of_the_last_layer() -> None:
    """Autograd, one image at a time: the cross-entropy with the predicted class as the label."""
    rng = np.random.default_rng(0)
    features, weight = rng.normal(size=(4, 5)), torch.tensor(rng.normal(size=(3, 5)), requires_grad=True)
    logits = torch.tensor(features) @ weight.T
    pool = PoolView(
        labeled=np.zeros(4, bool),
        labels=np.full(4, -1),
        probabilities=logits.softmax(dim=1).detach().numpy(),
        features=features,
    )
    for row in range(4):
        loss = torch.nn.functional.cross_entropy(logits[row], logits[row].argmax())
        (gradient,) = torch.autograd.grad(loss, weight, retain_graph=True)
        np.testing.assert_allclose(embeddings(pool)[row], gradient.numpy().ravel(), atol=1e-12)


def test_factorised_distances_equal_explicit_ones() -> None:
    """To 1e-5 of the longest, which is float32; a distance to oneself is exactly zero."""
    pool, everything = random_pool(1, 40), np.arange(40)
    gradients = Gradients.of(pool.probabilities, pool.features)
    vectors = embeddings(pool) / np.abs(pool.features).max()
    explicit = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
    factorised = gradients.squared_distances(everything, everything)
    np.testing.assert_allclose(factorised, explicit, atol=1e-5 * explicit.max())
    assert (np.diag(factorised) == 0).all()


def test_the_first_pick_has_the_largest_gradient() -> None:
    """As in the authors' code, whatever the seed."""
    pool = random_pool(2, 50)
    largest = int(np.linalg.norm(embeddings(pool), axis=1).argmax())
    assert {int(Badge().select(pool, 3, np.random.default_rng(seed))[0]) for seed in range(5)} == {largest}


def test_the_second_pick_follows_the_squared_distance() -> None:
    """Frequencies over 6,000 seeds against the D-squared law (chi-square, 99.9 % point)."""
    pool, queries = random_pool(3, 12), 6000
    picks = np.array([Badge().select(pool, 2, np.random.default_rng(seed)) for seed in range(queries)])
    weights = nearest_squared(embeddings(pool), [int(picks[0, 0])])
    expected = queries * weights / weights.sum()
    counts, possible = np.bincount(picks[:, 1], minlength=12), weights > 0
    assert (counts[~possible] == 0).all()
    assert ((counts - expected)[possible] ** 2 / expected[possible]).sum() < chi2(10).ppf(0.999)


@pytest.mark.parametrize("proposals", [1, 64])
def test_the_third_pick_follows_the_law_given_the_second(
    proposals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One proposal at a time is the textbook algorithm; batches with rejection have the same joint law."""
    monkeypatch.setattr(badge, "_PROPOSALS", proposals)
    pool, queries = random_pool(4, 6), 6000
    vectors = embeddings(pool)
    counts = np.zeros((6, 6))
    for seed in range(queries):
        first, second, third = Badge().select(pool, 3, np.random.default_rng(seed)).tolist()
        counts[second, third] += 1
    start = nearest_squared(vectors, [first])
    expected = np.zeros((6, 6))
    for middle in np.flatnonzero(start > 0):
        after = nearest_squared(vectors, [first, int(middle)])
        expected[middle] = queries * start[middle] / start.sum() * after / after.sum()
    possible = expected > 0
    assert (counts[~possible] == 0).all()
    statistic = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    assert statistic < chi2(possible.sum() - 1).ppf(0.999)


def test_duplicates_of_a_pick_wait_for_everything_else() -> None:
    """Five different images, each ten times: the first five picks are the five images."""
    pool = random_pool(5, 5)
    rows = np.repeat(np.arange(5), 10)
    repeated = PoolView(
        labeled=np.zeros(50, bool),
        labels=np.full(50, -1),
        probabilities=pool.probabilities[rows],
        features=pool.features[rows],
    )
    for seed in range(20):
        picks = Badge().select(repeated, 50, np.random.default_rng(seed))
        assert sorted(rows[picks[:5]]) == [0, 1, 2, 3, 4]
        assert len(set(picks.tolist())) == 50


def test_where_all_gradients_vanish_the_draw_is_uniform() -> None:
    """A one-hot softmax has no gradient: frequencies of 4,000 queries of 3 out of 8."""
    pool = PoolView(
        labeled=np.zeros(8, bool),
        labels=np.full(8, -1),
        probabilities=np.eye(2)[np.arange(8) % 2],
        features=np.random.default_rng(0).normal(size=(8, 3)),
    )
    counts, queries = np.zeros(8), 4000
    for seed in range(queries):
        counts[Badge().select(pool, 3, np.random.default_rng(seed))] += 1
    expected = queries * 3 / 8
    statistic = ((counts - expected) ** 2 / (expected * (1 - 3 / 8)) * 7 / 8).sum()
    assert statistic < chi2(7).ppf(0.999)
