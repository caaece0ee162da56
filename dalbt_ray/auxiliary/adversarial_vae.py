"""VAAL's networks: a variational autoencoder and a discriminator that play against each other."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from dalbt_ray.auxiliary.hook import Auxiliary, AuxiliarySettings, Batch
from dalbt_ray.auxiliary.image_coder import (
    draw_coder_weights,
    encoded_features,
    image_decoder,
    image_encoder,
    kl_to_standard_normal,
    to_canvas,
)
from dalbt_ray.auxiliary.steps import descend, image_mean
from dalbt_ray.models.network import Network
from dalbt_ray.models.weights import draw_weights, linear


@dataclass(frozen=True, kw_only=True)
class VaalSettings(AuxiliarySettings):
    """What VAAL trains beside the classifier. Defaults are those of the authors' code unless said otherwise.

    Attributes:
        latent: dimensions of the autoencoder's latent.
        width: channels of the first convolution; twice and four times as many follow. The authors have four
            layers from 128 to 1024, about a hundred times the work, too much for a CPU beside a LeNet.
        beta: weight of the KL term.
        adversarial_weight: of the term by which the autoencoder deceives the discriminator.
        vae_steps: autoencoder steps per classifier step.
        discriminator_steps: discriminator steps per classifier step.
        learning_rate: Adam's, of both.
    """

    joins_loss: ClassVar[bool] = False
    needs_pixels: ClassVar[bool] = True

    latent: int = 32
    width: int = 16
    beta: float = 1.0
    adversarial_weight: float = 1.0
    vae_steps: int = 2
    discriminator_steps: int = 1
    learning_rate: float = 5e-4

    def build(
        self,
        network: Network,  # noqa: ARG002 - VAAL never looks at the classifier
        *,
        image_shape: tuple[int, int, int],
        classes: int,  # noqa: ARG002
        labeled: int,  # noqa: ARG002
        unlabeled: int,  # noqa: ARG002
        generator: torch.Generator,
        device: torch.device,
    ) -> "VaalAuxiliary":
        """Fresh autoencoder and discriminator; see the base class."""
        return VaalAuxiliary(self, image_shape[2], generator, device)


class VariationalAutoencoder(nn.Module):
    """Images of the canvas to a normal law over latents, and back."""

    def __init__(self, channels: int, latent: int, width: int) -> None:
        super().__init__()
        self.encoder = image_encoder(channels, width)
        self.mean = linear(encoded_features(width), latent)
        self.log_variance = linear(encoded_features(width), latent)
        self.decoder = image_decoder(latent, channels, width)

    def forward(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction float[b, c, 32, 32] in 0..1, and mean and log-variance, float[b, latent] each."""
        features = self.encoder(images)
        mean, log_variance = self.mean(features), self.log_variance(features)
        latent = mean + noise * (0.5 * log_variance).exp()
        return self.decoder(latent).sigmoid(), mean, log_variance

    def encode(self, images: Tensor) -> Tensor:
        """The latents' means, float[b, latent]."""
        mean: Tensor = self.mean(self.encoder(images))
        return mean


def evidence_loss(images: Tensor, rebuilt: Tensor, mean: Tensor, log_variance: Tensor, beta: float) -> Tensor:
    """Negative evidence bound of a beta-VAE, float[b]: squared error plus beta KL, each *summed* over an image.

    The authors average the error over pixels and sum the KL over the batch, which makes the KL win by some
    four orders of magnitude and the latent collapse (their issues 7 and 10).
    """
    error = (images - rebuilt).square().flatten(1).sum(1)
    return error + beta * kl_to_standard_normal(mean, log_variance).sum(1)


def membership_loss(logits: Tensor, *, labeled: bool) -> Tensor:
    """Cross-entropy of calling images labeled (target 1) or unlabeled (target 0), float[b]."""
    target = torch.full_like(logits, float(labeled))
    return binary_cross_entropy_with_logits(logits, target, reduction="none")


class VaalAuxiliary(Auxiliary):
    """The two networks of one round and their optimizers."""

    def __init__(
        self, settings: VaalSettings, channels: int, generator: torch.Generator, device: torch.device
    ) -> None:
        self.settings, self.generator, self.device = settings, generator, device
        self.vae = VariationalAutoencoder(channels, settings.latent, settings.width)
        self.discriminator = nn.Sequential(
            linear(settings.latent, 512),
            nn.ReLU(),
            linear(512, 512),
            nn.ReLU(),
            linear(512, 1),
            nn.Flatten(0),
        )
        draw_coder_weights(self.vae, generator)
        draw_weights(self.discriminator, generator)
        self.vae.to(device)
        self.discriminator.to(device)
        rate = settings.learning_rate
        self.vae_optimizer = torch.optim.Adam(self.vae.parameters(), lr=rate)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=rate)

    def update(self, batch: Batch) -> None:
        """Autoencoder steps on labeled and unlabeled images, then discriminator steps; nothing without a pool."""
        if batch.unlabeled is None:
            return
        labeled, unlabeled = to_canvas(batch.images), to_canvas(batch.unlabeled)
        self.vae.train()
        for _ in range(self.settings.vae_steps):
            descend(self.vae_optimizer, self._autoencoder_loss(labeled) + self._autoencoder_loss(unlabeled))
        with torch.no_grad():
            labeled_latents, unlabeled_latents = self.vae.encode(labeled), self.vae.encode(unlabeled)
        for _ in range(self.settings.discriminator_steps):
            loss = image_mean(membership_loss(self.discriminator(labeled_latents), labeled=True))
            loss = loss + image_mean(membership_loss(self.discriminator(unlabeled_latents), labeled=False))
            descend(self.discriminator_optimizer, loss)

    def score(self, images: Tensor, features: Tensor, logits: Tensor) -> Tensor:  # noqa: ARG002
        """Log-odds of being labeled under the discriminator, on the mean latent; float[b]."""
        # Evaluation mode: with batch statistics an image's score would depend on its neighbors in the batch.
        self.vae.eval()
        membership: Tensor = self.discriminator(self.vae.encode(to_canvas(images)))
        return membership

    def _autoencoder_loss(self, images: Tensor) -> Tensor:
        """Evidence loss plus the adversarial: whatever it is, the discriminator shall call it labeled."""
        noise = torch.randn(len(images), self.settings.latent, generator=self.generator).to(self.device)
        rebuilt, mean, log_variance = self.vae(images, noise)
        evidence = evidence_loss(images, rebuilt, mean, log_variance, self.settings.beta)
        adversarial = membership_loss(self.discriminator(mean), labeled=True)
        return image_mean(evidence + self.settings.adversarial_weight * adversarial)
