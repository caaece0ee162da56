"""The trained network: encoder, linear classifier and projector, and the settings that describe it."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from dalbt_ray.errors import InputError
from dalbt_ray.models.dropout import ConsistentDropout
from dalbt_ray.models.heads import projector
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.norm import GlobalBatchNorm
from dalbt_ray.models.vgg import VGG16
from dalbt_ray.models.weights import draw_weights, linear

Encoder = Literal["lenet", "vgg16"]
LatentNorm = Literal["none", "batch"]


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """What to build.

    Attributes:
        encoder: LeNet with latent 60 for MNIST and Fashion-MNIST, VGG16 with latent 512 for CIFAR-10 (the
            paper).
        latent_dim: features of z, the encoder's output; VGG16's is its 512 channels.
        latent_norm: "batch" normalizes z without affine parameters, against the shrinking of a linear latent
            when the self-supervised weight is 0.1 or more; the paper has none.
        projector: widths of the MLP between z and the self-supervised loss. The paper gives none; Barlow
            Twins widens its 2048 features fourfold, we widen 60 about twofold, since at a batch of 64 wider
            projections only add noise to the correlations. Empty: the loss reads z itself.
        dropout: probability. In LeNet after each block and before the latent, in VGG16 before the classifier.
        variational: the encoder yields a mean and a log-variance of z (DAL-OSR).
    """

    encoder: Encoder = "lenet"
    latent_dim: int = 60
    latent_norm: LatentNorm = "none"
    projector: tuple[int, ...] = (128, 128)
    dropout: float = 0.0
    variational: bool = False

    def __post_init__(self) -> None:
        for field, kind in (("encoder", Encoder), ("latent_norm", LatentNorm)):
            if getattr(self, field) not in get_args(kind):
                raise InputError(field, getattr(self, field), "is not known", allowed=get_args(kind))
        if self.latent_dim < 1:
            raise InputError("latent_dim", self.latent_dim, "must be at least 1")
        if self.encoder == "vgg16" and self.latent_dim != VGG16.features:
            raise InputError("latent_dim", self.latent_dim, "does not fit vgg16", remedy="use 512")
        if any(width < 1 for width in self.projector):
            raise InputError("projector", self.projector, "has a width below 1")
        if not 0 <= self.dropout < 1:
            raise InputError("dropout", self.dropout, "must be at least 0 and below 1")


class Network(nn.Module):
    """Encoder E, linear classifier C and projector P. Build it with `build_network`, which draws its weights.

    Images are float[b, c, h, w] in [0, 1] or uint8[b, c, h, w]; the encoder maps them to [-1, 1] by itself.
    """

    def __init__(self, settings: NetworkSettings, image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        latent_dim = settings.latent_dim
        is_vgg = settings.encoder == "vgg16"
        self.encoder = VGG16(image_shape[2]) if is_vgg else LeNet(image_shape, settings.dropout)
        has_own_latent = is_vgg and not settings.variational
        self.latent = nn.Identity() if has_own_latent else linear(self.encoder.features, latent_dim)
        self.latent_norm = (
            GlobalBatchNorm(latent_dim, affine=False) if settings.latent_norm == "batch" else nn.Identity()
        )
        self.classifier_dropout = ConsistentDropout(settings.dropout if is_vgg else 0.0, (latent_dim,))
        self.classifier = linear(latent_dim, classes)
        self.projector = projector(latent_dim, settings.projector)
        self.log_variance = linear(self.encoder.features, latent_dim) if settings.variational else None

    def encode(self, images: Tensor) -> Tensor:
        """Images to z, float[b, latent_dim]; of a variational encoder, the mean."""
        z: Tensor = self.latent_norm(self.latent(self.encoder(_normalized(images))))
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
        features = self.encoder(_normalized(images))
        return self.latent_norm(self.latent(features)), self.log_variance(features)

    def classify(self, z: Tensor) -> Tensor:
        """Latents float[b, latent_dim] to logits float[b, classes], by one linear layer."""
        logits: Tensor = self.classifier(self.classifier_dropout(z))
        return logits

    def stem(self, images: Tensor) -> Tensor:
        """Images to what enters the first dropout layer; stochastic passes over an image share it."""
        return self.encoder.stem(_normalized(images))

    def finish(self, x: Tensor) -> Tensor:
        """What `stem` gave, to logits float[b, classes]: `finish(stem(images))` is `forward(images)`."""
        return self.classify(self.latent_norm(self.latent(self.encoder.finish(x))))

    def project(self, z: Tensor) -> Tensor:
        """Latents float[b, latent_dim] to projections float[b, p] for the self-supervised loss."""
        projections: Tensor = self.projector(z)
        return projections

    def forward(self, images: Tensor) -> Tensor:
        """Images to logits float[b, classes]."""
        return self.classify(self.encode(images))


def build_network(
    settings: NetworkSettings,
    image_shape: tuple[int, int, int],
    classes: int,
    generator: torch.Generator,
) -> Network:
    """A network on the CPU with every weight drawn from `generator` (a CPU generator).

    Encoder, latent and classifier draw first, then projector, then log-variance: settings that share those
    layers start from the same weights whatever else they have.

    Args:
        settings: what to build.
        image_shape: (height, width, channels); sides of 8 to 256, for VGG16 at least 32.
        classes: number of classes.
        generator: source of all weights; the global one is left alone.

    Raises:
        InputError: an image size that the encoder cannot take.
    """
    smallest = 32 if settings.encoder == "vgg16" else 8
    if not all(smallest <= side <= 256 for side in image_shape[:2]):
        problem = f"does not fit {settings.encoder}: sides must be {smallest} to 256 pixels"
        raise InputError("image_shape", image_shape, problem, remedy="resize the images")
    network = Network(settings, image_shape, classes)
    parts = [network.encoder, network.latent, network.classifier, network.projector]
    for part in parts if network.log_variance is None else [*parts, network.log_variance]:
        draw_weights(part, generator)
    # On a CPU, pooling and the backward of convolutions are up to twice as fast in this layout; on a GPU
    # bfloat16 is.
    return network.to(memory_format=torch.channels_last)


def _normalized(images: Tensor) -> Tensor:
    """Pixels in [-1, 1]: mean 0.5 and standard deviation 0.5 for every channel of every data set."""
    pixels = images.float().div(255) if images.dtype == torch.uint8 else images
    return pixels * 2 - 1
