"""2x2 max-pooling that stays fast on a CPU when there are few channels."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

_VECTOR = 16  # channels from which the stock operator, channels-last, works on whole vectors


def max_pool(x: Tensor) -> Tensor:
    """Maximum over 2x2 windows with stride 2; an odd last row or column is dropped, as in `max_pool2d`.

    With fewer than 16 channels on a CPU it takes the maximum of pairs of rows, then of pairs of columns: for
    LeNet's first layer (6 channels, channels-last) an eighth of the stock operator's time, with the gradient
    two thirds. The output is the same. The gradient differs where the upper right and the lower left of a
    window are both its maximum and the upper left is not: here the lower left takes it all, there the upper
        right.

    Args:
        x: float[b, c, h, w].

    Returns:
        float[b, c, h // 2, w // 2].
    """
    if x.device.type != "cpu" or x.shape[1] >= _VECTOR:
        return functional.max_pool2d(x, 2)
    if torch.is_grad_enabled() and x.requires_grad:
        pooled: Tensor = _PairwiseMaximum.apply(x)
        return pooled
    return torch.maximum(*_columns(torch.maximum(*_rows(x))))


def pooled_convolution(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """`max_pool(layer(x))`.

    A convolution of few channels leaves most of a CPU's vectors empty. Without gradients, the left and the right column
    of every pooling window are therefore channels of one convolution of twice the channels and every second column:
    the same products, and zeros, in two thirds of the time for LeNet's first layer. With gradients it does not pay.

    Args:
        x: float[b, c, h, w].
        layer: with stride 1 and a bias.

    Returns:
        float[b, d, h' // 2, w' // 2], where float[b, d, h', w'] is what the layer gives.
    """
    channels = layer.out_channels
    if x.device.type != "cpu" or 2 * channels > _VECTOR or torch.is_grad_enabled():
        return max_pool(layer(x))
    assert layer.bias is not None
    kernels = torch.cat([functional.pad(layer.weight, (0, 1)), functional.pad(layer.weight, (1, 0))])
    kernels = kernels.contiguous(memory_format=torch.channels_last)
    bias = layer.bias.repeat(2)
    columns = functional.conv2d(x, kernels, bias, stride=(1, 2), padding=layer.padding)
    height = columns.shape[2] // 2 * 2
    highest = torch.maximum(columns[:, :, 0:height:2], columns[:, :, 1:height:2])
    return torch.maximum(highest[:, :channels], highest[:, channels:])


def _rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Upper and lower rows of all windows."""
    height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    return x[:, :, 0:height:2, :width], x[:, :, 1:height:2, :width]


def _columns(x: Tensor) -> tuple[Tensor, Tensor]:
    """Left and right columns of an even number."""
    return x[..., 0::2], x[..., 1::2]


class _PairwiseMaximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        upper, lower = _rows(x)
        tall = torch.maximum(upper, lower)
        left, right = _columns(tall)
        ctx.save_for_backward(x, upper >= lower, left >= right)
        return torch.maximum(left, right)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        x, from_upper, from_left = ctx.saved_tensors
        tall = torch.empty_like(from_upper, dtype=x.dtype)
        left, right = _columns(tall)
        torch.mul(gradients[0], from_left, out=left)
        torch.sub(gradients[0], left, out=right)
        gradient = torch.zeros_like(x)
        upper, lower = _rows(gradient)
        torch.mul(tall, from_upper, out=upper)
        torch.sub(tall, upper, out=lower)
        return gradient
