"""MQ-Net's inputs, its lesson and what it learns, against scikit-learn, scipy and loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import softmax
from scipy.stats import zscore
from sklearn.linear_model import LogisticRegression

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.meta_network import MetaNetwork, meta_network
from dalbt_ray.strategies.mqnet import MqNet, last_query, meta_inputs, purity
from dalbt_ray.strategies.outlier_head import Shown
from tests.oracle.test_k_plus_one import open_pool
from tests.oracle.test_open_set_methods import standard

CLASSES = 4


def two_queries_in(seed: int, n: int = 400, outliers: bool = True) -> tuple[PoolView, np.ndarray]:
    """Overlapping classes in four directions and, apart from them, OOD images; 40 labels and a random query of 60."""
    rng = np.random.default_rng(seed)
    heap = rng.permutation(n) % (6 if outliers else CLASSES)
    features = 3 * np.eye(6)[heap] + rng.normal(size=(n, 6))
    is_ood = heap >= CLASSES
    initial = rng.permutation(np.flatnonzero(~is_ood))[:40]
    query = rng.permutation(np.setdiff1d(np.arange(n), initial))[:60]
    bought = np.full(n, -1)
    bought[query] = 0
    labeled = np.isin(np.arange(n), np.concatenate([initial, query])) & ~is_ood
    teaching = np.isin(np.arange(n), query) & is_ood
    pool = PoolView(
        labeled=labeled, labels=np.where(labeled, heap, -1), features=features, bought=bought,
        probabilities=softmax(2 * features[:, :CLASSES], axis=1), removed=teaching, outliers=teaching,
    )  # fmt: skip
    return pool, is_ood


def taught(inputs: np.ndarray, worth: np.ndarray) -> MetaNetwork:
    """The network with the method's options."""
    return meta_network(inputs, worth, units=64, steps=1_000, learning_rate=0.01, margin=1.0)


def test_purity_is_the_largest_cosine_to_a_labeled_image() -> None:
    """By scipy, about the pool's mean."""
    pool = open_pool(0)
    features = standard(pool)
    expected = 1 - cdist(features, features[pool.labeled], "cosine").min(axis=1)
    found, none = purity(pool, Shown.of(pool), pool.labeled, np.zeros(len(features), bool))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (none == 0).all()


def test_inputs_are_exponentials_of_standardized_scores() -> None:
    """By the images on offer; a score that is the same for all says nothing."""
    rng = np.random.default_rng(1)
    unsure, offered = rng.random(30), np.arange(20)
    found = meta_inputs(unsure, np.full(30, 0.7), offered)
    np.testing.assert_allclose(found[:20, 0], np.exp(zscore(unsure[:20])), rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], 1.0)


def test_worth_is_the_loss_before_the_image_was_trained_on() -> None:
    """scikit-learn's classifier of what was known before the query; an OOD image was worth nothing."""
    pool, is_ood = two_queries_in(0)
    features = np.column_stack([standard(pool), np.ones(len(is_ood))])
    before, last = pool.labeled & (pool.bought < 0), np.flatnonzero(pool.bought == 0)  # type: ignore[operator]
    head = LogisticRegression(C=1 / 0.1, fit_intercept=False, tol=1e-12, max_iter=10_000)
    head.fit(features[before], pool.labels[before])
    log_p = head.predict_log_proba(features)
    expected = [0.0 if is_ood[row] else -log_p[row, pool.labels[row]] for row in last]
    shown, query = Shown.of(pool), last_query(pool)
    assert (np.flatnonzero(query) == last).all()
    found = MqNet().lesson(pool, shown, query, purity(pool, shown, pool.labeled, before)[1])
    assert found is not None
    np.testing.assert_allclose(found[1], expected, atol=1e-4)
    offered = pool.unlabeled_rows.tolist() + last.tolist()
    unsure = (1 - np.exp(log_p).max(axis=1)) * CLASSES / (CLASSES - 1)
    z = (unsure[last] - unsure[offered].mean()) / unsure[offered].std()
    np.testing.assert_allclose(np.log(found[0][:, 0]), z, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_its_steps_are_those_of_adam_on_the_gradient_of_autograd(seed: int) -> None:
    """The hinges written pair by pair in torch, some images worth the same; weights that fall below 0 among them."""
    rng = np.random.default_rng(seed)
    inputs, worth = np.exp(rng.normal(size=(20, 2))), rng.integers(0, 4, 20).astype(float)
    start = torch.from_numpy(MetaNetwork.untaught(8).parameters)
    into, bias, out = (start[rows].clone().requires_grad_() for rows in (slice(2), 2, 3))
    adam = torch.optim.Adam([into, bias, out], lr=0.05)
    generator, x = torch.Generator().manual_seed(1), torch.from_numpy(inputs)
    for _ in range(200):
        value = torch.sigmoid(x @ into.relu() + bias) @ out.relu()
        loss = torch.zeros((), dtype=torch.float64)
        for i, j in enumerate(torch.randperm(20, generator=generator).tolist()):
            if worth[i] > worth[j]:
                loss = loss + (0.3 - (value[i] - value[j])).relu() / 20
            if worth[i] < worth[j]:
                loss = loss + (0.3 - (value[j] - value[i])).relu() / 20
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    expected = torch.cat([into, bias[None], out[None]]).detach().numpy()
    assert (expected[[0, 1, 3]] < 0).any()
    found = meta_network(inputs, worth, units=8, steps=200, learning_rate=0.05, margin=0.3)
    np.testing.assert_allclose(found.parameters, expected, rtol=1e-7, atol=1e-9)
    value = torch.sigmoid(x @ into.relu() + bias) @ out.relu()
    np.testing.assert_allclose(found.value(inputs), value.detach().numpy(), rtol=1e-7)


@pytest.mark.parametrize("column", [0, 1])
def test_the_network_learns_which_input_counts(column: int) -> None:
    """Worth by one input alone: nearly all pairs are ordered by it, though the other one is noise."""
    rng = np.random.default_rng(2)
    inputs = np.exp(rng.normal(size=(80, 2)))
    value = taught(inputs, inputs[:, column]).value(inputs)
    ahead = np.sign(inputs[:, None, column] - inputs[:, column]) * np.sign(value[:, None] - value)
    assert (ahead[~np.eye(80, dtype=bool)] > 0).mean() > 0.95


def test_the_network_never_falls() -> None:
    """In neither input, whatever it was taught: here that purity is bad."""
    rng = np.random.default_rng(3)
    inputs = np.exp(rng.normal(size=(50, 2)))
    network = taught(inputs, -inputs[:, 1])
    for step in ([0.1, 0.0], [0.0, 0.1]):
        assert (network.value(inputs + step) >= network.value(inputs) - 1e-12).all()


@pytest.mark.parametrize("seed", range(3))
def test_it_buys_purer_than_before_it_was_taught(seed: int) -> None:
    """Positive control: OOD images are unsure and apart, so the untaught sum buys them; after a query few are."""
    pool, is_ood = two_queries_in(seed)
    rng = np.random.default_rng(0)
    untaught = MqNet().select(replace(pool, bought=np.full(len(is_ood), -1)), 40, rng)
    bought = MqNet().select(pool, 40, rng)
    assert is_ood[bought].mean() < 0.5 * is_ood[untaught].mean()


def test_without_ood_images_it_goes_for_the_unsure() -> None:
    """Worth rises with uncertainty then: what it picks is less sure than the pool."""
    pool, _ = two_queries_in(4, outliers=False)
    picks = MqNet().select(pool, 40, np.random.default_rng(0))
    sure = pool.probabilities.max(axis=1)
    assert sure[picks].mean() < sure[pool.unlabeled_rows].mean() - 0.1
