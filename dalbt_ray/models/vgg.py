"""The convolutional part of VGG16 with batch normalization."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dalbt_ray.models.norm import GlobalBatchNorm
from dalbt_ray.models.weights import convolution

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(nn.Module):
    """Thirteen 3x3 convolutions in five blocks, each block ending in max-pooling; what is left is averaged.

    Configuration D of Simonyan and Zisserman (2015) without its fully connected layers, with batch
    normalization after each convolution. A 32x32 image leaves one pixel of 512 channels, which is the latent.

    Args:
        channels: of the image; its sides must be at least 32.
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

    def stem(self, x: Tensor) -> Tensor:
        """All of it: there is no dropout layer in here."""
        features: Tensor = self(x)
        return features

    def finish(self, x: Tensor) -> Tensor:
        """What `stem` gave, as it is."""
        return x
