"""Layers without weights, and the drawing of all weights from one passed generator.

PyTorch's constructors draw from the global generator. Here they draw nothing, so a network depends on its own
seed alone and building one disturbs no other stream.
"""

from math import sqrt

import torch
from torch import nn
from torch.nn.utils import skip_init


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """A linear layer whose weights `draw_weights` still has to fill."""
    layer: nn.Linear = skip_init(nn.Linear, inputs, outputs, bias=bias)  # type: ignore[no-untyped-call]
    return layer


def convolution(
    inputs: int,
    outputs: int,
    size: int,
    *,
    padding: int | tuple[int, int] = 0,
    stride: int = 1,
    bias: bool = True,
) -> nn.Conv2d:
    """A 2-d convolution with square kernel whose weights `draw_weights` still has to fill."""
    options = {"padding": padding, "stride": stride, "bias": bias}
    layer: nn.Conv2d = skip_init(nn.Conv2d, inputs, outputs, size, **options)  # type: ignore[no-untyped-call]
    return layer


@torch.no_grad()
def draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Fill every linear and convolution layer in `module`, in definition order, from `generator`.

    Weights and biases are uniform in +-1 / sqrt(inputs of one unit): PyTorch's default, but from a known
    stream.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = 1 / sqrt(layer.weight[0].numel())
            layer.weight.uniform_(-bound, bound, generator=generator)
            if layer.bias is not None:
                layer.bias.uniform_(-bound, bound, generator=generator)
