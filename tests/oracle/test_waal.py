"""WAAL: score and loss terms by hand, the sign of the gradient penalty, and whom each term moves."""

from math import log, sqrt

import numpy as np
import pytest
import torch
from torch import nn

from dalbt_ray.auxiliary import Batch
from dalbt_ray.auxiliary.wasserstein_critic import (
    WaalSettings,
    build_critic,
    critic_loss,
    gradient_penalty,
    wasserstein,
)
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import Network, NetworkSettings, build_network
from dalbt_ray.models.weights import draw_weights
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.waal import WAAL, uncertainty_bound


def small_network() -> Network:
    """A LeNet for 12x12 gray images."""
    return build_network(
        LeNet(latent_dim=6), NetworkSettings(), (12, 12, 1), 3, torch.Generator().manual_seed(0)
    )


def test_score_by_hand() -> None:
    """With p = (1/2, 1/4, 1/4), g = 0.3: |log p|_2 = 3 log 2, |log p|_1 = 5 log 2, score = 4 log 2 - 3."""
    pool = PoolView(
        labeled=np.zeros(1, bool),
        labels=np.array([-1]),
        probabilities=np.array([[0.5, 0.25, 0.25]]),
        features=np.zeros((1, 1)),
        auxiliary=np.array([0.3]),
    )
    np.testing.assert_allclose(WAAL().ranking(pool), [3.0 - 4 * log(2)], rtol=1e-12)


def test_uniform_is_the_least_and_zero_is_finite() -> None:
    """The bound is least at uniform p; an underflowed probability gives a large number, not infinity."""
    bounds = uncertainty_bound(np.array([[0.25] * 4, [0.4, 0.3, 0.2, 0.1], [1.0, 0.0, 0.0, 0.0]]))
    assert bounds[0] == pytest.approx(0.5 * (2 * log(4)) + 0.5 * 4 * log(4))
    assert bounds[0] < bounds[1] < bounds[2] < np.inf


def test_wasserstein_by_hand() -> None:
    """Mean of unlabeled 0.7 minus a quarter of the mean of labeled 0.2."""
    value = wasserstein(torch.tensor([0.1, 0.3]), torch.tensor([0.6, 0.8]), gamma=0.25)
    torch.testing.assert_close(value, torch.tensor(0.65))


@pytest.mark.parametrize(("slope", "expected"), [((3.0, 4.0), 16.0), ((0.3, 0.4), 0.0)])
def test_gradient_penalty_of_a_linear_critic_by_hand(slope: tuple[float, float], expected: float) -> None:
    """(3, 4) has norm 5 wherever the points are mixed: 4 squared. (0.3, 0.4) keeps the Lipschitz condition: nothing.

    Wanting 1 there has no solution for a bounded critic.
    """
    critic = nn.Sequential(nn.Linear(2, 1, bias=False), nn.Flatten(0))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([slope]))
    penalty = gradient_penalty(critic, torch.zeros(5, 2), torch.ones(5, 2), torch.rand(5, 1))
    torch.testing.assert_close(penalty, torch.tensor(expected))


def test_the_pool_decides_how_long_it_trains() -> None:
    """Two passes over 1,000 unlabeled images in steps of 64, or what the recipe plans if that is more."""
    settings = WaalSettings(pool_epochs=2.0)
    assert settings.classifier_steps(20, unlabeled=1_000, batch_size=64) == 32
    assert settings.classifier_steps(400, unlabeled=1_000, batch_size=64) == 400
    assert WaalSettings(pool_epochs=0.0).classifier_steps(20, unlabeled=1_000, batch_size=64) == 20


def test_the_critic_s_slope_goes_to_one() -> None:
    """Minimizing the critic's loss brings the gradient norm between the clusters to 1; the wrong sign would not.

    The clusters are 0.4 apart, within what a slope of 1 between 0 and 1 can tell: the bound is then reached.
    """
    generator = torch.Generator().manual_seed(0)
    critic = build_critic(2, 50)
    draw_weights(critic, generator)
    optimizer = torch.optim.Adam(critic.parameters(), lr=5e-3)
    norms = []
    for _ in range(600):
        labeled = 0.05 * torch.randn(64, 2, generator=generator)
        unlabeled = 0.05 * torch.randn(64, 2, generator=generator) + torch.tensor([0.4, 0.0])
        mix = torch.rand(64, 1, generator=generator)
        loss = critic_loss(critic, labeled, unlabeled, gamma=1.0, penalty=10.0, mix=mix)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        norms.append(sqrt(gradient_norm_squared(critic, labeled, unlabeled)))
    assert norms[0] < 0.3
    assert np.mean(norms[-50:]) == pytest.approx(1.0, abs=0.1)
    assert critic(unlabeled).mean() > critic(labeled).mean() + 0.2


def gradient_norm_squared(critic: nn.Module, labeled: torch.Tensor, unlabeled: torch.Tensor) -> float:
    """Mean squared gradient norm halfway between the pairs."""
    points = (0.5 * (labeled + unlabeled)).requires_grad_()
    (gradients,) = torch.autograd.grad(critic(points).sum(), points)
    return float(gradients.square().sum(1).mean())


def test_the_classifier_s_term_moves_the_encoder_and_not_the_critic() -> None:
    """Its gradient reaches the encoder, the critic keeps none; `update` moves the critic and not the network."""
    network = small_network().train()
    generator = torch.Generator().manual_seed(1)
    auxiliary = WaalSettings(balance="set_sizes").build(
        network,
        image_shape=(12, 12, 1),
        classes=3,
        labeled=10,
        unlabeled=40,
        generator=generator,
        device=torch.device("cpu"),
    )
    images, unlabeled = torch.rand(2, 8, 1, 12, 12, generator=generator)
    features = network.encode(images)
    logits = network.classify(features)
    labels = torch.zeros(8, dtype=torch.long)
    batch = Batch(images, labels, features, features, None, logits, unlabeled)
    loss = auxiliary.loss(batch)
    expected = 2e-3 * (
        auxiliary.critic(network.encode(unlabeled)).mean() - 0.25 * auxiliary.critic(features).mean()
    )
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert all(parameter.grad is None for parameter in auxiliary.critic.parameters())
    assert any(parameter.grad.abs().sum() > 0 for parameter in network.encoder.parameters())
    before = [parameter.clone() for parameter in network.parameters()]
    auxiliary.update(batch)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
