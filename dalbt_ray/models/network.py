"""The trained network: an encoder, a linear classifier and a projector on its latent."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from dalbt_ray.models.dropout import ConsistentDropout
from dalbt_ray.models.encoder import Encoder, Shape
from dalbt_ray.models.heads import projector
from dalbt_ray.models.norm import GlobalBatchNorm
from dalbt_ray.models.weights import draw_weights, linear
from dalbt_ray.options.ranges import BelowOne, Count
from dalbt_ray.options.value import Value


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(Value):
    """What stands on the encoder.

    Attributes:
        latent_norm: "batch" normalizes z without affine parameters, against the shrinking of a linear latent when the
            self-supervised weight is 0.1 or more; the paper has none.
        projector: widths of the MLP between z and the self-supervised loss. The paper gives none; Barlow Twins widens
            its 2048 features fourfold, we widen 60 about twofold, since at a batch of 64 wider projections only add
            noise to the correlations. Empty: the loss reads z itself.
        dropout: probability; the encoder says where. A strategy that needs passes sets its own.
    """

    path: ClassVar[str] = "network"
    latent_norm: Literal["none", "batch"] = "none"
    projector: tuple[Count, ...] = (128, 128)
    dropout: BelowOne = 0.0


class Network(nn.Module):
    """Encoder E, linear classifier C and projector P. Build it with `build_network`, which draws its weights.

    `classes` are the known ones; the classifier may have one more.

    Images are float[b, c, h, w], pixels in [0, 1], or uint8[b, c, h, w]; the encoder prepares them by itself.
    """

    def __init__(
        self,
        encoder: Encoder,
        settings: NetworkSettings,
        image_shape: Shape,
        classes: int,
        *,
        variational: bool,
        outlier_class: bool = False,
    ) -> None:
        super().__init__()
        self.classes = classes
        self._prepared = encoder.prepared
        self._features_fixed = False
        self.encoder = encoder.build(image_shape, settings.dropout)
        features = self.encoder.features
        latent_dim = encoder.latent_dim or features
        is_latent = encoder.is_latent and latent_dim == features and not variational
        self.latent = nn.Identity() if is_latent else linear(features, latent_dim)
        self.latent_norm = (
            GlobalBatchNorm(latent_dim, affine=False) if settings.latent_norm == "batch" else nn.Identity()
        )
        outside = 0.0 if encoder.drops_out_inside else settings.dropout
        self.classifier_dropout = ConsistentDropout(outside, (latent_dim,))
        self.classifier = linear(latent_dim, classes + outlier_class)
        self.projector = projector(latent_dim, settings.projector)
        self.log_variance = linear(features, latent_dim) if variational else None

    def fix_features(self) -> None:
        """From here on images become the same latents whatever is trained: only what reads them learns."""
        self._features_fixed = True
        for part in self._makers_of_latents:
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Network":
        """As in PyTorch, but fixed features stay in evaluation mode."""
        super().train(mode)
        if self._features_fixed:
            for part in self._makers_of_latents:
                part.train(False)
        return self

    @property
    def _makers_of_latents(self) -> tuple[nn.Module, ...]:
        return self.encoder, self.latent, self.latent_norm

    def encode(self, images: Tensor) -> Tensor:
        """Images to z, float[b, latent_dim]; of a variational encoder, the mean."""
        z: Tensor = self.latent_norm(self.latent(self.encoder(self._input(images))))
        return z

    def encode_distribution(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images to mean and log-variance of z, each float[b, latent_dim].

        Raises:
            RuntimeError: the network was built without `variational`.
        """
        if self.log_variance is None:
            raise RuntimeError(
                "encode_distribution: the network is not variational; build it with variational=True"
            )
        features = self.encoder(self._input(images))
        return self.latent_norm(self.latent(features)), self.log_variance(features)

    def classify(self, z: Tensor) -> Tensor:
        """Latents float[b, latent_dim] to logits, by one linear layer.

        float[b, classes], or float[b, classes + 1] with the outlier class last.
        """
        logits: Tensor = self.classifier(self.classifier_dropout(z))
        return logits

    def stem(self, images: Tensor) -> Tensor:
        """Images to what enters the first dropout layer; stochastic passes over an image share it."""
        return self.encoder.stem(self._input(images))

    def finish(self, x: Tensor) -> Tensor:
        """What `stem` gave, to logits: `finish(stem(images))` is `forward(images)`."""
        return self.classify(self.latent_norm(self.latent(self.encoder.finish(x))))

    def project(self, z: Tensor) -> Tensor:
        """Latents float[b, latent_dim] to projections float[b, p] for the self-supervised loss."""
        projections: Tensor = self.projector(z)
        return projections

    def _input(self, images: Tensor) -> Tensor:
        return self._prepared(unit_range(images))

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits, as `classify` gives them."""
        return self.classify(self.encode(images))


def unit_range(images: Tensor) -> Tensor:
    """uint8 pixels as float32 in 0..1; what is float already (such pixels, features) as it is."""
    return images.to(torch.float32).div_(255) if images.dtype == torch.uint8 else images


def build_network(
    encoder: Encoder,
    settings: NetworkSettings,
    image_shape: Shape,
    classes: int,
    generator: torch.Generator,
    *,
    variational: bool = False,
    outlier_class: bool = False,
) -> Network:
    """A network on the CPU with every weight drawn from `generator` (a CPU generator).

    Encoder, latent and classifier draw first, then projector, then log-variance: settings that share those layers
    start from the same weights whatever else they have.

    Args:
        encoder: what to build at the bottom.
        settings: what to build on it.
        image_shape: (height, width, channels).
        classes: number of classes.
        generator: source of all weights; the global one is left alone.
        variational: the encoder yields a mean and a log-variance of z (DAL-OSR).
        outlier_class: the classifier has one class more, the last.

    Raises:
        InputError: an image size that the encoder cannot take.
    """
    encoder.check_shape(image_shape)
    network = Network(
        encoder, settings, image_shape, classes, variational=variational, outlier_class=outlier_class
    )
    encoder.draw(network.encoder, generator)
    parts = [network.latent, network.classifier, network.projector]
    for part in parts if network.log_variance is None else [*parts, network.log_variance]:
        draw_weights(part, generator)
    # On a CPU, pooling and the backward of convolutions are up to twice as fast in this layout; on a GPU
    # bfloat16 is.
    return network.to(memory_format=torch.channels_last)
