"""Two random views of every image of a batch, on the batch's device, each image with its own draw.

Resized crop, flip and blur are linear and act on rows and columns apart, so together they are two small
matrices per image: view = rows @ image @ columns^T. Colors are element-wise steps. No loop runs over images.
"""

from functools import lru_cache
from math import pi

import torch
from torch import Tensor

from dalbt_ray.views.view_parameters import ViewParameters

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow and torchvision
_CHROMA = ((0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))  # I and Q of YIQ (FCC NTSC)


def apply_views(images: Tensor, parameters: ViewParameters) -> Tensor:
    """Apply to each image its own parameters.

    The order is crop, flip, blur, brightness, contrast, saturation, hue, gray, solarize. Against torchvision,
    applied image by image with the same parameters:
        - crop (at whole pixels), flip, blur, brightness, contrast, saturation, gray and solarize alone are
          equal up to rounding;
        - hue turns the I and Q axes of YIQ, where torchvision turns the H of HSV: brightness is kept, about
          half the work, not the same colors;
        - saturation, hue and gray are one 3x3 matrix per image, with one clamp to [0, 1] at the end, not one
          each;
        - jitter has this fixed order, where torchvision shuffles it per image, and blur comes before the
          colors, where BYOL has it after. Without clamping, blur commutes with all of them but solarize.

    Args:
        images: float[n, c, h, w] in [0, 1], c = 1 or 3.
        parameters: n rows, on the device of the images.

    Returns:
        float[n, c, h, w] in [0, 1].
    """
    x = _warped(images, parameters)
    x = (x * _per_image(parameters.brightness)).clamp_(0, 1)
    luma = _luma(x).mean(dim=(1, 2, 3))
    contrast = _per_image(parameters.contrast)
    x = torch.addcmul((1 - contrast) * _per_image(luma), contrast, x).clamp_(0, 1)
    if x.shape[1] == 3:
        colors = _color_matrices(parameters) @ x.flatten(2)
        x = colors.clamp_(0, 1).view_as(x)
    inverted = (x >= 0.5) & _per_image(parameters.solarize).bool()
    return torch.where(inverted, 1 - x, x)


def _per_image(values: Tensor) -> Tensor:
    """float[n] to float[n, 1, 1, 1]."""
    return values.view(-1, 1, 1, 1)


def _warped(images: Tensor, parameters: ViewParameters) -> Tensor:
    """Crop, resize, flip and blur: bilinear, with the blur's reflected border, as in torchvision."""
    _, _, height, width = images.shape
    radius = max(1, min(height, width) // 20)
    taps = torch.arange(-radius, radius + 1, device=images.device)
    # Without a blur sigma is 0: the floor leaves a weight of 1 in the middle and exactly 0 elsewhere.
    kernel = torch.exp(-0.5 * (taps / parameters.sigma.clamp(min=1e-3)[:, None]).square())
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    still = torch.zeros_like(parameters.flip)
    rows = _axis_weights(parameters.top, parameters.height, still, kernel, height)
    columns = _axis_weights(parameters.left, parameters.width, parameters.flip, kernel, width)
    return rows[:, None] @ images @ columns.transpose(1, 2)[:, None]


def _axis_weights(start: Tensor, length: Tensor, flip: Tensor, kernel: Tensor, size: int) -> Tensor:
    """float[n, size, size]: row i holds the weights of the input pixels in output pixel i, along one axis.

    The window is never longer than the axis, so resizing only ever enlarges and antialiasing has nothing to
    do.
    """
    radius = kernel.shape[1] // 2
    pixels = torch.arange(size, device=start.device, dtype=start.dtype)
    # The blur reads output pixels beyond the border, which mirror those inside.
    reached = torch.arange(-radius, size + radius, device=start.device, dtype=start.dtype).abs()
    reached = size - 1 - (size - 1 - reached).abs()
    mirrored = torch.where(flip[:, None] > 0, size - 1 - reached, reached)
    offset = ((mirrored + 0.5) * (length / size)[:, None] - 0.5).clamp(min=0)
    source = start[:, None] + torch.minimum(offset, length[:, None] - 1)
    weights = (1 - (source[:, :, None] - pixels).abs()).clamp_(min=0)
    blurred = kernel[:, 0, None, None] * weights[:, :size]
    for tap in range(1, 2 * radius + 1):
        blurred.addcmul_(kernel[:, tap, None, None], weights[:, tap : tap + size])
    return blurred


def _luma(images: Tensor) -> Tensor:
    """float[n, c, h, w] to its brightness, float[n, 1, h, w]."""
    if images.shape[1] == 1:
        return images
    return torch.einsum("nchw,c->nhw", images, _yiq(images.device, images.dtype)[0][0])[:, None]


def _color_matrices(parameters: ViewParameters) -> Tensor:
    """float[n, 3, 3]: saturation, hue and gray as one map of RGB.

    In YIQ all three leave Y alone; saturation scales I and Q, hue turns them, and gray sets them to 0.
    """
    to_yiq, from_yiq = _yiq(parameters.hue.device, parameters.hue.dtype)
    strength = parameters.saturation * (1 - parameters.gray)
    angle = 2 * pi * parameters.hue
    turn = torch.zeros(len(angle), 3, 3, device=angle.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = strength * angle.cos()
    turn[:, 1, 2] = strength * angle.sin()
    turn[:, 2, 1] = -turn[:, 1, 2]
    matrices: Tensor = from_yiq @ turn @ to_yiq
    return matrices


@lru_cache(maxsize=16)  # a GPU would wait for all that is queued on it to get nine numbers
def _yiq(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """float[3, 3] each: RGB to YIQ, and back."""
    to_yiq = torch.tensor((_LUMA, *_CHROMA), dtype=dtype)
    return to_yiq.to(device), torch.linalg.inv(to_yiq).to(device)
