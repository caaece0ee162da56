"""WAAL's critic: how far are labeled and unlabeled images apart, in the classifier's own features?"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from dalbt_ray.auxiliary.hook import Auxiliary, AuxiliarySettings, Batch
from dalbt_ray.auxiliary.steps import descend, image_mean
from dalbt_ray.models.network import Network
from dalbt_ray.models.norm import frozen_statistics
from dalbt_ray.models.weights import draw_weights, linear


@dataclass(frozen=True, kw_only=True)
class WaalSettings(AuxiliarySettings):
    """The critic and its weight in training.

    Attributes:
        weight: alpha, of the Wasserstein term in the classifier's loss; 2e-3 in the authors' code.
        hidden: units of the critic's hidden layer; 50 in the authors' code.
        penalty: of the critic's gradient norm leaving 1; 10 as in Gulrajani et al. 2017. The authors have 2
            with the wrong sign, see `critic_loss`.
        critic_steps: steps of the critic per classifier step.
        learning_rate: Adam's, of the critic.
    """

    joins_loss: ClassVar[bool] = True

    weight: float = 2e-3
    hidden: int = 50
    penalty: float = 10.0
    critic_steps: int = 1
    learning_rate: float = 1e-3

    def build(
        self,
        network: Network,
        *,
        image_shape: tuple[int, int, int],  # noqa: ARG002
        classes: int,  # noqa: ARG002
        labeled: int,
        unlabeled: int,
        generator: torch.Generator,
        device: torch.device,
    ) -> "WaalAuxiliary":
        """A fresh critic; gamma is |labeled| / |unlabeled|, see the base class."""
        return WaalAuxiliary(self, network, labeled / max(unlabeled, 1), generator, device)


def build_critic(features: int, hidden: int) -> nn.Sequential:
    """float[b, features] to g in (0, 1), float[b].

    Bounded by a sigmoid as in the authors' code: with gamma other than 1 the Wasserstein term can be raised
    without limit by adding a constant to an unbounded critic. Without their dropout, since the penalty is on
    the gradient of one function, not of a random one.
    """
    return nn.Sequential(linear(features, hidden), nn.ReLU(), linear(hidden, 1), nn.Sigmoid(), nn.Flatten(0))


def wasserstein(critic_labeled: Tensor, critic_unlabeled: Tensor, gamma: float) -> Tensor:
    """Mean g(z_unlabeled) - gamma mean g(z_labeled), float[]: the critic raises it, the encoder lowers it."""
    return image_mean(critic_unlabeled) - gamma * image_mean(critic_labeled)


def gradient_penalty(critic: nn.Module, labeled: Tensor, unlabeled: Tensor, mix: Tensor) -> Tensor:
    """Mean (|grad g| - 1)^2 at random points between labeled and unlabeled features, float[].

    Args:
        critic: g.
        labeled: features, float[m, d].
        unlabeled: features, float[m, d], paired with them as they come.
        mix: float[m, 1] in 0..1, the place on each connecting line.
    """
    points = (mix * labeled + (1 - mix) * unlabeled).requires_grad_()
    (gradients,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return image_mean((gradients.norm(dim=1) - 1).square())


def critic_loss(
    critic: nn.Module, labeled: Tensor, unlabeled: Tensor, gamma: float, penalty: float, mix: Tensor
) -> Tensor:
    """-wasserstein + penalty (|grad g| - 1)^2, which the critic *minimizes*, float[].

    The authors' code (and DeepAL+ after it) has both terms with a minus, so that it drives the gradient norm
    away from 1 as far as it can.
    """
    distance = wasserstein(critic(labeled), critic(unlabeled), gamma)
    pairs = min(len(labeled), len(unlabeled))
    return penalty * gradient_penalty(critic, labeled[:pairs], unlabeled[:pairs], mix[:pairs]) - distance


class WaalAuxiliary(Auxiliary):
    """The critic of one round, and its pull on the classifier's features."""

    def __init__(
        self,
        settings: WaalSettings,
        network: Network,
        gamma: float,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        self.settings, self.network, self.gamma = settings, network, gamma
        self.generator, self.device = generator, device
        self.critic = build_critic(network.classifier.in_features, settings.hidden)
        draw_weights(self.critic, generator)
        self.critic.to(device)
        self.optimizer = torch.optim.Adam(self.critic.parameters(), lr=settings.learning_rate)
        self.unlabeled_features: Tensor | None = None

    def loss(self, batch: Batch) -> Tensor:
        """Alpha times the Wasserstein term, whose gradient reaches the encoder and not the critic."""
        if batch.unlabeled is None:
            return batch.logits.new_zeros(())
        # Labeled images alone make the running statistics: the pool may hold OOD ones.
        with frozen_statistics(self.network):
            unlabeled = self.network.encode(batch.unlabeled)
        self.unlabeled_features = unlabeled.detach().float()
        self.critic.requires_grad_(False)
        distance = wasserstein(self.critic(batch.features), self.critic(unlabeled), self.gamma)
        self.critic.requires_grad_(True)
        return self.settings.weight * distance

    def update(self, batch: Batch) -> None:
        """Critic steps on the features of the classifier's step; nothing without a pool."""
        if batch.unlabeled is None or self.unlabeled_features is None:
            return
        labeled = batch.features.detach().float()
        for _ in range(self.settings.critic_steps):
            mix = torch.rand(len(labeled), 1, generator=self.generator).to(self.device)
            loss = critic_loss(
                self.critic, labeled, self.unlabeled_features, self.gamma, self.settings.penalty, mix
            )
            descend(self.optimizer, loss)

    def score(self, images: Tensor, features: Tensor, logits: Tensor) -> Tensor:  # noqa: ARG002
        """g(z), float[b]: large where an image looks unlabeled."""
        critic: Tensor = self.critic(features)
        return critic
