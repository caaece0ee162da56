"""LeNet for small images."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from dalbt_ray.models.dropout import ConsistentDropout
from dalbt_ray.models.encoder import Backbone, Cost, Encoder, Shape
from dalbt_ray.models.pooling import pooled_convolution
from dalbt_ray.models.weights import convolution, linear
from dalbt_ray.options.ranges import Count

_INPUT_SIDE = 32  # of LeNet-5; a 28x28 image gets a border of 2
_MAP_SIDE = 5  # what 32 pixels leave after both blocks; larger maps are averaged down to it


@dataclass(frozen=True, kw_only=True)
class LeNet(Encoder):
    """LeNet-5 (LeCun et al. 1998): 5x5 convolutions of 6 and 16 channels, each pooled, and 120 hidden units.

    The latent that follows takes the place of its layer F6. ReLU and max-pooling instead of tanh and averages, as is
    usual today. Wider forms (16, 32, 128) reach 2 to 3 points more on 1,000 MNIST labels (92.9 % against 90.1 %, 3
    seeds) at twice the time a step; the paper cites LeCun et al., so theirs are the widths.

    Attributes:
        latent_dim: numbers of the latent z. [paper, 4.1]
        dropout_at: where a network with dropout has it: after both convolution blocks and the hidden layer, or after
            the hidden layer alone. Gal and Ghahramani (2015, section 4.1) train LeNet both ways, "lenet-all" and
            "lenet-ip". With so few maps the former fits 1,000 labels badly (docs/recipe.md).
    """

    name: ClassVar[str] = "lenet"
    gpu_share: ClassVar[float] = 0.25
    cost: ClassVar[Cost | None] = Cost(step=0.009, image=3e-5)
    drops_out_inside: ClassVar[bool] = True
    is_latent: ClassVar[bool] = False
    capturable: ClassVar[bool] = True
    latent_dim: Count = 60
    dropout_at: Literal["every_layer", "hidden_layer"] = "every_layer"

    def build(self, image_shape: Shape, dropout: float) -> Backbone:
        """See `LeNetLayers`."""
        return LeNetLayers(image_shape, dropout, on_maps=self.dropout_at == "every_layer")

    def sound(self) -> Encoder:
        """Dropout where the sound recipe's steps are enough to fit the labels."""
        return replace(self, dropout_at="hidden_layer")


class LeNetLayers(Backbone):
    """The layers of `LeNet`. Pooling comes before the ReLU: the same result, and the ReLU has a quarter of the work.

    Args:
        image_shape: (height, width, channels); sides below 32 are padded with mid-gray.
        dropout: probability, after the hidden layer.
        on_maps: whether the maps of both convolution blocks are dropped, too.
    """

    features = 120

    def __init__(self, image_shape: Shape, dropout: float, *, on_maps: bool = True) -> None:
        super().__init__()
        height, width, channels = image_shape
        padding = (_border(height), _border(width))
        first = (_halved(height + 2 * padding[0]), _halved(width + 2 * padding[1]))
        second = (_halved(first[0]), _halved(first[1]))
        self.convolution_1 = convolution(channels, 6, 5, padding=padding)
        self.on_maps = on_maps
        self.dropout_1 = ConsistentDropout(dropout, (6, *first)) if on_maps else nn.Identity()
        self.convolution_2 = convolution(6, 16, 5)
        self.dropout_2 = ConsistentDropout(dropout, (16, *second)) if on_maps else nn.Identity()
        self.hidden = linear(16 * _MAP_SIDE * _MAP_SIDE, self.features)
        self.dropout_3 = ConsistentDropout(dropout, (self.features,))

    def forward(self, x: Tensor) -> Tensor:
        """float[b, c, h, w] to float[b, 120]."""
        features: Tensor = self.finish(self.stem(x))
        return features

    def stem(self, x: Tensor) -> Tensor:
        """The part before the first dropout layer, the same in every stochastic pass."""
        maps = torch.relu(pooled_convolution(x, self.convolution_1))
        return maps if self.on_maps else self._hidden(maps)

    def finish(self, x: Tensor) -> Tensor:
        """What `stem` gave, to float[b, 120]."""
        features: Tensor = self.dropout_3(self._hidden(x) if self.on_maps else x)
        return features

    def _hidden(self, x: Tensor) -> Tensor:
        """Maps of the first block, to float[b, 120]."""
        x = self.dropout_1(x)
        x = self.dropout_2(torch.relu(pooled_convolution(x, self.convolution_2)))
        if x.shape[2:] != (_MAP_SIDE, _MAP_SIDE):
            x = functional.adaptive_avg_pool2d(x, _MAP_SIDE)
        return torch.relu(self.hidden(x.flatten(1)))


def _border(side: int) -> int:
    """Pixels to add on both ends of a side to reach 32."""
    return max(0, (_INPUT_SIDE - side + 1) // 2)


def _halved(side: int) -> int:
    """Side of the map after a 5x5 convolution and pooling."""
    return (side - 4) // 2
