"""DAL-OSR's decoder, and the two terms that make the classifier's latent a variational bottleneck (its M2)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from dalbt_ray.auxiliary.hook import Auxiliary, AuxiliarySettings, Batch, pool_steps
from dalbt_ray.auxiliary.image_coder import (
    draw_coder_weights,
    image_decoder,
    kl_to_standard_normal,
    to_canvas,
)
from dalbt_ray.auxiliary.steps import apply_gradients, image_mean
from dalbt_ray.models.network import Network
from dalbt_ray.options.ranges import Count, NotNegative, Positive

_IMAGE_SECONDS = (
    1e-4  # CPU-seconds an image of a decoder step of width 16; see `AuxiliarySettings.nominal_seconds`
)


@dataclass(frozen=True, kw_only=True)
class DalOsrSettings(AuxiliarySettings):
    """Weights and size of what is added to the classifier.

    Attributes:
        beta: weight of the KL term, per latent dimension; 0.1 in the authors' code.
        reconstruction_weight: weight of the reconstruction term, per pixel; 1 in the authors' code (M2), 0
            leaves encoder and classifier alone (M1).
        width: channels of the decoder's last hidden layer; twice and four times as many before it.
        learning_rate: Adam's, of the decoder; 1e-3 as the classifier's.
        pool_epochs: the classifier trains at least as many steps as this many passes over the unlabeled pool have.
            The authors train 300 epochs on 5,000 labels or more of 50,000 images: as many steps as 30 passes. 0 leaves
            it to the recipe.
    """

    joins_loss: ClassVar[bool] = True
    needs_pixels: ClassVar[bool] = True

    beta: NotNegative = 0.1
    reconstruction_weight: NotNegative = 1.0
    width: Count = 16
    learning_rate: Positive = 1e-3
    pool_epochs: NotNegative = 1.0

    def classifier_steps(self, planned: int, *, unlabeled: int, batch_size: int) -> int:
        """At least `pool_epochs` passes over the pool."""
        return max(planned, pool_steps(self.pool_epochs, unlabeled=unlabeled, batch_size=batch_size))

    def nominal_seconds(self, *, labeled: int, unlabeled: int, steps: int) -> float:  # noqa: ARG002
        """A decoder's forward and backward on 64 images a step; see the base class."""
        return steps * 64 * _IMAGE_SECONDS * self.width / 16

    def build(
        self,
        network: Network,
        *,
        image_shape: tuple[int, int, int],
        classes: int,  # noqa: ARG002
        labeled: int,  # noqa: ARG002
        unlabeled: int,  # noqa: ARG002
        generator: torch.Generator,
        device: torch.device,
    ) -> "DalOsrAuxiliary":
        """A fresh decoder; see the base class."""
        return DalOsrAuxiliary(self, network.classifier.in_features, image_shape[2], generator, device)


def bottleneck_loss(
    images: Tensor, rebuilt: Tensor, mean: Tensor, log_variance: Tensor, settings: DalOsrSettings
) -> Tensor:
    """Weighted reconstruction and KL, float[], each averaged over all its elements as in the authors' code.

    Args:
        images: float[b, c, h, w] in 0..1.
        rebuilt: logits of pixels, float[b, c, h, w].
        mean: of the latent, float[b, d].
        log_variance: of the latent, float[b, d].
        settings: weights.
    """
    reconstruction = binary_cross_entropy_with_logits(rebuilt, images, reduction="none").flatten(1).mean(1)
    kl = kl_to_standard_normal(mean, log_variance).mean(1)
    return image_mean(settings.reconstruction_weight * reconstruction + settings.beta * kl)


class DalOsrAuxiliary(Auxiliary):
    """The decoder of one round. It learns from the classifier's own loss, so `update` only takes its step."""

    settings: DalOsrSettings

    def __init__(
        self,
        settings: DalOsrSettings,
        latent: int,
        channels: int,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        self.settings = settings
        self.decoder = image_decoder(latent, channels, settings.width)
        draw_coder_weights(self.decoder, generator)
        self.decoder.to(device)
        self.optimizer = torch.optim.Adam(self.decoder.parameters(), lr=settings.learning_rate)

    def loss(self, batch: Batch) -> Tensor:
        """Reconstruction from the sampled latent, and the KL of its law to a standard normal.

        Raises:
            RuntimeError: the encoder is not variational, so there is no law.
        """
        if batch.log_variance is None:
            raise RuntimeError("dal_osr: the network is not variational; build it with variational=True")
        # Outside of autocast: log-odds of pixels and variances want float32.
        with torch.autocast(batch.images.device.type, enabled=False):
            rebuilt = self.decoder(batch.features.float())
            images = to_canvas(batch.images)
            return bottleneck_loss(
                images, rebuilt, batch.mean.float(), batch.log_variance.float(), self.settings
            )

    def update(self, batch: Batch) -> None:  # noqa: ARG002
        """The decoder's step on the gradients that the classifier's backward pass has left."""
        apply_gradients(self.optimizer)
