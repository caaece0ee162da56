"""The random parameters of BYOL's views, one set for every image of a batch."""

from dataclasses import dataclass, fields
from math import log
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from dalbt_ray.views.byol import ByolViews


@dataclass(frozen=True)
class ViewParameters:
    """What happens to each of n images, every field float[n].

    Attributes:
        top, left, height, width: the crop window in pixels; fractional.
        flip: 1 to mirror, else 0.
        sigma: of the blur in pixels; 0 for none.
        brightness, contrast, saturation: factors; 1 changes nothing.
        hue: in turns; 0 changes nothing.
        gray: 1 to drop the color, else 0.
        solarize: 1 to solarize, else 0.
    """

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    flip: Tensor
    sigma: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor
    gray: Tensor
    solarize: Tensor

    @classmethod
    def neutral(cls, count: int, height: int, width: int) -> "ViewParameters":
        """Parameters that leave `count` images of height x width pixels as they are."""
        zero, one = torch.zeros(count), torch.ones(count)
        return cls(zero, zero, height * one, width * one, zero, zero, one, one, one, zero, zero, zero)

    def rows(self, rows: slice) -> "ViewParameters":
        """The parameters of some of the images."""
        return ViewParameters(*(getattr(self, field.name)[rows] for field in fields(self)))


_DRAWS = 14  # uniform numbers per view; the order below is part of a trial's identity


def draw_parameters(
    count: int,
    height: int,
    width: int,
    settings: "ByolViews",
    generator: torch.Generator,
) -> ViewParameters:
    """Parameters of both views of `count` images, by one call on `generator`: first those of view a, then b.

    The crop is drawn as in torchvision, except that a window that does not fit is shrunk to the image, where
    torchvision draws again (up to ten times), and that the window is not rounded to whole pixels.

    Args:
        count: images in the batch.
        height: of an image, in pixels.
        width: of an image, in pixels.
        settings: ranges and probabilities.
        generator: the draws' source; the parameters live on its device.

    Returns:
        Parameters with n = 2 * count: rows 0..count-1 belong to view a, the others to view b.
    """
    uniform = torch.rand(count, 2, _DRAWS, generator=generator, device=generator.device)
    columns = uniform.transpose(0, 1).reshape(2 * count, -1).unbind(1)
    area_draw, ratio_draw, top, left, flip, jitter = columns[:6]
    brightness, contrast, saturation, hue, gray, blur, sigma, solarize = columns[6:]
    area = height * width * _between(area_draw, settings.crop_scale)
    ratio = torch.exp(_between(ratio_draw, (log(settings.crop_ratio[0]), log(settings.crop_ratio[1]))))
    # A window below one pixel would have nothing to interpolate between.
    crop_height = (area / ratio).sqrt().clamp(1, height)
    crop_width = (area * ratio).sqrt().clamp(1, width)
    jittered = (jitter < settings.jitter).float()

    def factor(draw: Tensor, strength: float) -> Tensor:
        return 1 + jittered * strength * (2 * draw - 1)

    def chosen(draw: Tensor, probability: tuple[float, float]) -> Tensor:
        return (draw.view(2, -1) < draw.new_tensor(probability)[:, None]).flatten().float()

    return ViewParameters(
        top=top * (height - crop_height),
        left=left * (width - crop_width),
        height=crop_height,
        width=crop_width,
        flip=(flip < settings.flip).float(),
        sigma=chosen(blur, settings.blur) * _between(sigma, settings.blur_sigma),
        brightness=factor(brightness, settings.brightness),
        contrast=factor(contrast, settings.contrast),
        saturation=factor(saturation, settings.saturation),
        hue=jittered * settings.hue * (2 * hue - 1),
        gray=(gray < settings.gray).float(),
        solarize=chosen(solarize, settings.solarize),
    )


def _between(uniform: Tensor, bounds: tuple[float, float]) -> Tensor:
    return bounds[0] + (bounds[1] - bounds[0]) * uniform
