"""VAAL's networks: a variational autoencoder and a discriminator that play against each other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from dalbt_ray.auxiliary.hook import Auxiliary, AuxiliarySettings, ImagesByRow, pool_steps
from dalbt_ray.auxiliary.image_coder import (
    draw_coder_weights,
    encoded_features,
    image_decoder,
    image_encoder,
    kl_to_standard_normal,
    to_canvas,
)
from dalbt_ray.auxiliary.steps import descend, image_mean, worker_share
from dalbt_ray.models.network import Network
from dalbt_ray.models.weights import draw_weights, linear
from dalbt_ray.options.ranges import Count, NotNegative, Positive, Whole
from dalbt_ray.workers.global_batch import share_of_draw

# CPU-seconds of an image in an autoencoder step of width 16; see `AuxiliarySettings.nominal_seconds`.
_IMAGE_SECONDS = 3.6e-4


@dataclass(frozen=True, kw_only=True)
class VaalSettings(AuxiliarySettings):
    """VAAL's two networks and their training. Defaults are those of the authors' code unless said otherwise.

    The networks never see the classifier, so they train in a phase of their own, as long as the unlabeled pool asks
    for, whatever the number of labels and the recipe of the classifier.

    Attributes:
        latent: dimensions of the autoencoder's latent.
        width: channels of the first convolution; twice and four times as many follow. The authors have four
            layers from 128 to 1024, about a hundred times the work, too much for a CPU beside a LeNet.
        beta: weight of the KL term.
        adversarial_weight: of the term by which the autoencoder deceives the discriminator.
        pool_epochs: iterations, in passes over the unlabeled pool. The authors take 100 (39,062 iterations of 128
            images for 50,000), two hours a round on one CPU core even at this width. With 1 the autoencoder's error on
            Fashion-MNIST is down to 28 % of the mean image's (21 % after 4), and the discriminator tells absent classes
            from present ones best; longer it memorizes the labeled images and ranks absent classes worse
            (AUROC 0.92 after 1 pass over 10,000 images with 100 labels, 0.84 after 4).
        batch_size: labeled images of a step, and as many unlabeled ones; 128 in the authors' code.
        vae_steps: autoencoder steps per iteration, each on images of its own.
        discriminator_steps: discriminator steps per iteration.
        learning_rate: Adam's, of both.
    """

    joins_loss: ClassVar[bool] = False
    needs_pixels: ClassVar[bool] = True

    latent: Count = 32
    width: Count = 16
    beta: NotNegative = 1.0
    adversarial_weight: NotNegative = 1.0
    pool_epochs: Positive = 1.0
    batch_size: Count = 64
    vae_steps: Count = 2
    discriminator_steps: Whole = 1
    learning_rate: Positive = 5e-4

    def iterations(self, unlabeled: int) -> int:
        """Of `vae_steps` and `discriminator_steps` each, in one round."""
        return pool_steps(self.pool_epochs, unlabeled=unlabeled, batch_size=self.batch_size)

    def nominal_seconds(self, *, labeled: int, unlabeled: int, steps: int) -> float:  # noqa: ARG002
        """0.1 s an iteration of the default settings; see the base class."""
        images = 2 * self.batch_size * (self.vae_steps + 0.15 * self.discriminator_steps)
        return self.iterations(unlabeled) * images * _IMAGE_SECONDS * self.width / 16

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

    settings: VaalSettings

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
        self.vae.to(device).to(memory_format=torch.channels_last)
        self.discriminator.to(device)
        rate = settings.learning_rate
        self.vae_optimizer = torch.optim.Adam(self.vae.parameters(), lr=rate)
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=rate)

    def fit(
        self,
        images: ImagesByRow,
        labeled: NDArray[np.int64],
        unlabeled: NDArray[np.int64],
        poll: Callable[[], None],
    ) -> None:
        """Iterations of autoencoder and discriminator steps over the pool; nothing without one. See the base class."""
        if not len(labeled) or not len(unlabeled):
            return
        size = self.settings.batch_size
        known, others = self._endless(labeled, size), self._endless(unlabeled, size)

        def take(rows: NDArray[np.int64]) -> Tensor:
            pixels = torch.from_numpy(images.take(worker_share(rows))).to(self.device).permute(0, 3, 1, 2)
            return to_canvas(pixels.float().div_(255).contiguous(memory_format=torch.channels_last))

        for _ in range(self.settings.iterations(len(unlabeled))):
            poll()
            for _ in range(self.settings.vae_steps):
                pair = take(next(known)), take(next(others))
                self.autoencoder_step(*pair)
            for _ in range(self.settings.discriminator_steps):
                self.discriminator_step(*pair)

    def autoencoder_step(self, labeled: Tensor, unlabeled: Tensor) -> None:
        """Evidence loss plus the adversarial one: whatever an image is, the discriminator is to take it for labeled.

        Both kinds go through the network as one batch. Apart, as in the authors' code, batch normalization takes
        out of each what tells their means apart, and evaluation, with one set of statistics for all, meets another
        network than the discriminator has learned on.

        Args:
            labeled: float[b, c, 32, 32], this worker's share.
            unlabeled: float[u, c, 32, 32].
        """
        self.vae.train()
        images = torch.cat([labeled, unlabeled])
        latent = self.settings.latent
        noise = torch.cat(
            [
                share_of_draw(
                    len(part), lambda total: torch.randn(total, latent, generator=self.generator), part.device
                )
                for part in (labeled, unlabeled)
            ]
        )
        rebuilt, mean, log_variance = self.vae(images, noise.to(self.device))
        evidence = evidence_loss(images, rebuilt, mean, log_variance, self.settings.beta)
        adversarial = membership_loss(self.discriminator(mean), labeled=True)
        loss = evidence + self.settings.adversarial_weight * adversarial
        count = len(labeled)
        descend(self.vae_optimizer, image_mean(loss[:count]) + image_mean(loss[count:]))

    def discriminator_step(self, labeled: Tensor, unlabeled: Tensor) -> None:
        """Cross-entropy of telling the two apart by their mean latents; shapes as in `autoencoder_step`."""
        self.vae.train()
        with torch.no_grad():
            latents = self.vae.encode(torch.cat([labeled, unlabeled]))
        logits, count = self.discriminator(latents), len(labeled)
        loss = image_mean(membership_loss(logits[:count], labeled=True))
        loss = loss + image_mean(membership_loss(logits[count:], labeled=False))
        descend(self.discriminator_optimizer, loss)

    def score(self, images: Tensor, features: Tensor, logits: Tensor) -> Tensor:  # noqa: ARG002
        """Log-odds of being labeled under the discriminator, on the mean latent; float[b]."""
        # Evaluation mode: with batch statistics an image's score would depend on its neighbors in the batch.
        self.vae.eval()
        membership: Tensor = self.discriminator(self.vae.encode(to_canvas(images)))
        return membership

    def _endless(self, rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
        """Batches of `rows`, one permutation after the other; as in the classifier's epochs, all are about equal."""
        while True:
            order = torch.randperm(len(rows), generator=self.generator).numpy()
            yield from np.array_split(rows[order], -(-len(rows) // size))
