"""ResNet-18 as it is used on 32x32 images: a 3x3 stem and no pooling before the first block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from dalbt_ray.models.encoder import Backbone, Cost, Encoder, Shape
from dalbt_ray.models.norm import GlobalBatchNorm
from dalbt_ray.models.weights import convolution
from dalbt_ray.options.ranges import Count


@dataclass(frozen=True, kw_only=True)
class ResNet18(Encoder):
    """Eight residual blocks of two 3x3 convolutions, of 64, 128, 256 and 512 channels; the last map is averaged.

    He et al. 2016, table 1, with the stem of their CIFAR networks (section 4.2): one 3x3 convolution of stride 1, no
    max-pooling, since a 7x7 convolution of stride 2 and pooling leave 8x8 of a 32x32 image. Where a block halves its
    map, the shortcut is a 1x1 convolution ("option B").

    Attributes:
        latent_dim: numbers of the latent z; 512 are its channels, other sizes follow by a linear layer.
    """

    name: ClassVar[str] = "resnet18"
    smallest_side: ClassVar[int] = 16
    capturable: ClassVar[bool] = True
    cost: ClassVar[Cost | None] = Cost(step=3.0, image=2.0e-2)
    latent_dim: Count = 512

    def build(self, image_shape: Shape, dropout: float) -> Backbone:  # noqa: ARG002 - one stands before the classifier
        """See `ResNetLayers`."""
        return ResNetLayers(image_shape[2])


class ResNetLayers(Backbone):
    """The layers of `ResNet18`.

    Args:
        channels: of the image.
        widths: channels of the four stages; the field's values by default.
    """

    def __init__(self, channels: int, widths: Sequence[int] = (64, 128, 256, 512)) -> None:
        super().__init__()
        self.features = widths[-1]
        self.convolution = convolution(channels, widths[0], 3, padding=1, bias=False)
        self.norm = GlobalBatchNorm(widths[0])
        blocks: list[nn.Module] = []
        entering = widths[0]
        for stage, width in enumerate(widths):
            for place in range(2):
                blocks.append(_Block(entering, width, stride=2 if stage and not place else 1))
                entering = width
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """float[b, c, h, w] to float[b, 512]."""
        x = self.blocks(torch.relu(self.norm(self.convolution(x))))
        return torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1)


class _Block(nn.Module):
    """Two convolutions, and the input added to what they give."""

    def __init__(self, entering: int, width: int, stride: int) -> None:
        super().__init__()
        self.convolution_1 = convolution(entering, width, 3, padding=1, stride=stride, bias=False)
        self.norm_1 = GlobalBatchNorm(width)
        self.convolution_2 = convolution(width, width, 3, padding=1, bias=False)
        self.norm_2 = GlobalBatchNorm(width)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or entering != width:
            self.shortcut = nn.Sequential(
                convolution(entering, width, 1, stride=stride, bias=False), GlobalBatchNorm(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm_1(self.convolution_1(x)))
        y = self.norm_2(self.convolution_2(y))
        return torch.relu(y + self.shortcut(x))
