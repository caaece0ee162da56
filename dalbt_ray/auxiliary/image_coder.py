"""Small convolutional networks between images and latents, for the methods that reconstruct images."""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from dalbt_ray.models.norm import GlobalBatchNorm
from dalbt_ray.models.weights import draw_weights, linear

CANVAS = 32
"""Side in pixels of what the coders read and write; images of any other size are resampled to it."""

_MAP = 4  # side after three halvings of the canvas
_HALVING = {"kernel_size": 4, "stride": 2, "padding": 1}  # the kernels of VAAL's code


def to_canvas(images: Tensor) -> Tensor:
    """float[b, c, h, w] to float[b, c, 32, 32], by antialiased bilinear resampling."""
    size = [CANVAS, CANVAS]
    if list(images.shape[2:]) == size:
        return images
    return functional.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)


def encoded_features(width: int) -> int:
    """Length of what `image_encoder` gives."""
    return 4 * width * _MAP * _MAP


def image_encoder(channels: int, width: int) -> nn.Sequential:
    """float[b, channels, 32, 32] to float[b, encoded_features(width)]: three convolutions of stride 2."""
    layers: list[nn.Module] = []
    for outputs in (width, 2 * width, 4 * width):
        layers += [
            skip_init(nn.Conv2d, channels, outputs, bias=False, **_HALVING),  # type: ignore[no-untyped-call]
            GlobalBatchNorm(outputs),
            nn.ReLU(),
        ]
        channels = outputs
    return nn.Sequential(*layers, nn.Flatten())


def image_decoder(latent: int, channels: int, width: int) -> nn.Sequential:
    """float[b, latent] to float[b, channels, 32, 32], logits of pixels in 0..1: three transposed convolutions."""
    layers: list[nn.Module] = [
        linear(latent, encoded_features(width)),
        nn.Unflatten(1, (4 * width, _MAP, _MAP)),
        nn.ReLU(),
    ]
    for inputs, outputs in ((4 * width, 2 * width), (2 * width, width)):
        layers += [
            skip_init(nn.ConvTranspose2d, inputs, outputs, bias=False, **_HALVING),  # type: ignore[no-untyped-call]
            GlobalBatchNorm(outputs),
            nn.ReLU(),
        ]
    layers.append(skip_init(nn.ConvTranspose2d, width, channels, **_HALVING))  # type: ignore[no-untyped-call]
    return nn.Sequential(*layers)


@torch.no_grad()
def draw_coder_weights(module: nn.Module, generator: torch.Generator) -> None:
    """`draw_weights`, and the transposed convolutions by the same rule: uniform in +-1 / sqrt(inputs).

    With stride 2 a pixel reads a quarter of the 4x4 kernel of every input channel.
    """
    draw_weights(module, generator)
    for layer in module.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            bound = 1 / sqrt(layer.in_channels * layer.weight[0, 0].numel() / 4)
            layer.weight.uniform_(-bound, bound, generator=generator)
            if layer.bias is not None:
                layer.bias.uniform_(-bound, bound, generator=generator)


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) of each dimension, in nats, float[b, d]."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
