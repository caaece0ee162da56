"""The convolutional part of VGG16 with batch normalization."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from dalbt_ray.models.encoder import Backbone, Cost, Encoder, Shape
from dalbt_ray.models.norm import GlobalBatchNorm
from dalbt_ray.models.weights import convolution
from dalbt_ray.options.ranges import Count

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


@dataclass(frozen=True, kw_only=True)
class VGG16(Encoder):
    """Thirteen 3x3 convolutions in five blocks, each block ending in max-pooling; what is left is averaged.

    Configuration D of Simonyan and Zisserman (2015) without its fully connected layers, with batch normalization
    after each convolution. A 32x32 image leaves one pixel of 512 channels, which is the latent.

    Attributes:
        latent_dim: numbers of the latent z; 512 are its channels, other sizes follow by a linear layer. [paper, 4.1]
    """

    name: ClassVar[str] = "vgg16"
    smallest_side: ClassVar[int] = 32
    capturable: ClassVar[bool] = True
    cost: ClassVar[Cost | None] = Cost(step=1.4, image=1.2e-2)
    latent_dim: Count = 512

    def build(self, image_shape: Shape, dropout: float) -> Backbone:  # noqa: ARG002 - one stands before the classifier
        """See `VGG16Layers`."""
        return VGG16Layers(image_shape[2])


class VGG16Layers(Backbone):
    """The layers of `VGG16`.

    Args:
        channels: of the image.
    """

    features = 512

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for block in _BLOCKS:
            for width in block:
                # No bias: the normalization that follows would remove it.
                layers += [convolution(channels, width, 3, padding=1, bias=False), GlobalBatchNorm(width)]
                layers.append(nn.ReLU())
                channels = width
            # Before the ReLU: the same result, and the ReLU has a quarter of the work.
            layers.insert(-1, nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """float[b, c, h, w] to float[b, 512]."""
        x = self.layers(x)
        return torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1)
