"""Two random views of every image of a batch, on the batch's device, each image with its own draw.

Resized crop, flip and blur are linear and act on rows and columns apart, so together they are two small
matrices per image: view = rows @ image @ columns^T. Colors are element-wise steps. No loop runs over images.
"""

from dataclasses import fields
from math import pi
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dalbt_ray.views.view_parameters import ViewParameters, draw_parameters

if TYPE_CHECKING:
    from dalbt_ray.views.byol import ByolViews

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow and torchvision
_CHROMA = ((0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))  # I and Q of YIQ (FCC NTSC)


def make_views(
    images: Tensor,
    settings: "ByolViews",
    generator: torch.Generator,
    *,
    rank: int = 0,
    world_size: int = 1,
    global_size: int | None = None,
) -> tuple[Tensor, Tensor]:
    """View a and view b of each image, float32[b, c, h, w] in [0, 1].

    Every worker draws the parameters of the whole global batch from a generator in the same state and applies
    those of its own rows, so that several workers make exactly the views of one. Worker `rank` holds the rows
    rank, rank + world_size, rank + 2 * world_size, ... of the global batch.

    Args:
        images: uint8[b, c, h, w], or float in [0, 1]; this worker's share of the batch.
        settings: what to draw; the color operations that mean nothing on gray images (c = 1) are skipped
            there.
        generator: source of all draws, used by one call.
        rank: of this worker.
        world_size: number of workers.
        global_size: images in the global batch; needed when the shares are unequal, else b * world_size.
    """
    count, _, height, width = images.shape
    total = count * world_size if global_size is None else global_size
    drawn = draw_parameters(total, height, width, settings, generator)
    own = [drawn.rows(slice(view * total + rank, (view + 1) * total, world_size)) for view in (0, 1)]
    parameters = ViewParameters(
        *(
            torch.cat([getattr(view, field.name) for view in own]).to(images.device, non_blocking=True)
            for field in fields(ViewParameters)
        )
    )
    pixels = images.float().div(255) if images.dtype == torch.uint8 else images
    views = apply_views(pixels.repeat(2, 1, 1, 1), parameters)
    return views[:count], views[count:]


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
    return torch.einsum("nchw,c->nhw", images, images.new_tensor(_LUMA))[:, None]


def _color_matrices(parameters: ViewParameters) -> Tensor:
    """float[n, 3, 3]: saturation, hue and gray as one map of RGB.

    In YIQ all three leave Y alone; saturation scales I and Q, hue turns them, and gray sets them to 0.
    """
    to_yiq = parameters.hue.new_tensor((_LUMA, *_CHROMA))
    from_yiq = torch.linalg.inv(to_yiq)
    strength = parameters.saturation * (1 - parameters.gray)
    angle = 2 * pi * parameters.hue
    turn = torch.zeros(len(angle), 3, 3, device=angle.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = strength * angle.cos()
    turn[:, 1, 2] = strength * angle.sin()
    turn[:, 2, 1] = -turn[:, 1, 2]
    matrices: Tensor = from_yiq @ turn @ to_yiq
    return matrices
