"""WAAL's critic: how far are labeled and unlabeled images apart, in the classifier's own features?"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from dalbt_ray.auxiliary.hook import Auxiliary, AuxiliarySettings, Batch, pool_steps
from dalbt_ray.auxiliary.steps import descend, image_mean
from dalbt_ray.models.network import Network
from dalbt_ray.models.norm import frozen_statistics
from dalbt_ray.models.weights import draw_weights, linear
from dalbt_ray.options.ranges import Count, NotNegative, Positive
from dalbt_ray.workers.global_batch import share_of_draw

Balance = Literal["equal", "set_sizes"]

# CPU-seconds of a step beside the classifier's own: unlabeled images through the encoder, and the critic.
_ENCODER_SECONDS, _CRITIC_SECONDS = 4e-3, 2e-3


@dataclass(frozen=True, kw_only=True)
class WaalSettings(AuxiliarySettings):
    """The critic and its weight in training.

    Attributes:
        weight: alpha, of the Wasserstein term in the classifier's loss; 2e-3 in the authors' code.
        balance: gamma, the weight of the labeled side. `equal` is 1, the Wasserstein distance between the two sets.
            `set_sizes` is |labeled| / |unlabeled| as in the authors' code: with few labels next to nothing holds the
            critic down, and it rises to 1 for every image. Their own recipe, run for 20 of its 80 epochs with 500 of
            10,000 Fashion-MNIST images labeled, ranks absent classes at AUROC 0.41 to 0.49.
        hidden: units of the critic's hidden layer; 50 in the authors' code.
        penalty: of the critic's gradient norm exceeding 1; 10 as in Gulrajani et al. 2017. The authors have 2
            with the wrong sign, see `critic_loss`.
        critic_steps: steps of the critic per classifier step.
        learning_rate: Adam's, of the critic.
        pool_epochs: the classifier trains, and the critic with it, at least as many steps as this many passes over the
            unlabeled pool have. The authors take 80, whatever the labels: 56,000 steps of 64 for 45,000 images,
            some 15 minutes of a CPU core a round with LeNet. 0 leaves it to the recipe. With 100 labels of five of
            the ten Fashion-MNIST classes and 2 passes over 10,000 images the critic ranks the other five at AUROC
            0.61, 0.70, 0.91, 0.91, 0.92, 0.62, 0.90, 0.89 (four choices of classes, two seeds each).
    """

    joins_loss: ClassVar[bool] = True
    reads_unlabeled: ClassVar[bool] = True

    weight: NotNegative = 2e-3
    balance: Balance = "equal"
    hidden: Count = 50
    penalty: NotNegative = 10.0
    critic_steps: Count = 1
    learning_rate: Positive = 1e-3
    pool_epochs: NotNegative = 2.0

    def classifier_steps(self, planned: int, *, unlabeled: int, batch_size: int) -> int:
        """At least `pool_epochs` passes over the pool."""
        return max(planned, pool_steps(self.pool_epochs, unlabeled=unlabeled, batch_size=batch_size))

    def nominal_seconds(self, *, labeled: int, unlabeled: int, steps: int) -> float:  # noqa: ARG002
        """The encoder on 64 unlabeled images a step, and the critic; see the base class."""
        return steps * (_ENCODER_SECONDS + self.critic_steps * _CRITIC_SECONDS) if unlabeled else 0.0

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
        """A fresh critic; see the base class."""
        gamma = 1.0 if self.balance == "equal" else labeled / max(unlabeled, 1)
        return WaalAuxiliary(self, network, gamma, generator, device)


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
    """Mean max(|grad g| - 1, 0)^2 at random points between labeled and unlabeled features, float[].

    Only a slope above 1 breaks the Lipschitz condition (Petzka, Fischer and Lukovnikov 2018). Features lie further
    apart than 1 and the critic is within 0 and 1: a penalty on both sides, which wants a slope of 1 everywhere
    between them, can then not be met, and drives the critic to any slope, in any direction (AUROC of absent classes
    0.12 to 0.33 with weight 10, measured).

    Args:
        critic: g.
        labeled: features, float[m, d].
        unlabeled: features, float[m, d], paired with them as they come.
        mix: float[m, 1] in 0..1, the place on each connecting line.
    """
    points = (mix * labeled + (1 - mix) * unlabeled).requires_grad_()
    (gradients,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return image_mean((gradients.norm(dim=1) - 1).clamp(min=0).square())


def critic_loss(
    critic: nn.Module, labeled: Tensor, unlabeled: Tensor, gamma: float, penalty: float, mix: Tensor
) -> Tensor:
    """-wasserstein + penalty max(|grad g| - 1, 0)^2, which the critic *minimizes*, float[].

    The authors' code (and DeepAL+ after it) has both terms with a minus, so that it drives the gradient norm
    away from 1 as far as it can.
    """
    distance = wasserstein(critic(labeled), critic(unlabeled), gamma)
    pairs = min(len(labeled), len(unlabeled))
    return penalty * gradient_penalty(critic, labeled[:pairs], unlabeled[:pairs], mix[:pairs]) - distance


class WaalAuxiliary(Auxiliary):
    """The critic of one round, and its pull on the classifier's features."""

    settings: WaalSettings

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
            mix = share_of_draw(
                len(labeled), lambda total: torch.rand(total, 1, generator=self.generator), labeled.device
            )
            mix = mix.to(self.device)
            loss = critic_loss(
                self.critic, labeled, self.unlabeled_features, self.gamma, self.settings.penalty, mix
            )
            descend(self.optimizer, loss)

    def score(self, images: Tensor, features: Tensor, logits: Tensor) -> Tensor:  # noqa: ARG002
        """g(z), float[b]: large where an image looks unlabeled."""
        critic: Tensor = self.critic(features)
        return critic
