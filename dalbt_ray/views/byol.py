"""BYOL's augmentations, which Barlow Twins and the paper take over."""

from dataclasses import dataclass, fields
from math import log
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from dalbt_ray.errors import InputError
from dalbt_ray.options.ranges import Positive, Probability
from dalbt_ray.views.batch_views import apply_views
from dalbt_ray.views.pair_of_views import Share, Views
from dalbt_ray.views.view_parameters import ViewParameters
from dalbt_ray.workers.device import moved

Interval = tuple[Positive, Positive]


@dataclass(frozen=True, kw_only=True)
class ByolViews(Views):
    """BYOL's augmentations, with BYOL's values.

    Source: Grill et al. 2020, appendix B; Barlow Twins (Zbontar et al. 2021) takes them over unchanged. A
    pair of probabilities belongs to view a and view b. Strengths s of brightness, contrast and saturation
    mean a factor uniform in 1 - s to 1 + s. Set a probability to 0 to leave an operation out.

    Attributes:
        crop_scale: area of the crop as a share of the image, uniform.
        crop_ratio: width to height of the crop, log-uniform.
        flip: probability of a horizontal flip.
        jitter: probability of color jitter.
        brightness, contrast, saturation: strengths. [Grill et al. 2020]
        hue: strength, in turns of the color circle.
        gray: probability of dropping the color.
        blur: probability of a Gaussian blur.
        blur_sigma: its standard deviation in pixels, uniform. BYOL's kernel of 23 pixels for 224 is scaled
            with the image: a tenth of the shorter side, odd, at least 3.
        solarize: probability of inverting the pixels at or above 0.5.
    """

    name: ClassVar[str] = "byol"
    crop_scale: Interval = (0.08, 1.0)
    crop_ratio: Interval = (3 / 4, 4 / 3)
    flip: Probability = 0.5
    jitter: Probability = 0.8
    brightness: Probability = 0.4
    contrast: Probability = 0.4
    saturation: Probability = 0.2
    hue: Annotated[float, Ge(0), Le(0.5)] = 0.1
    gray: Probability = 0.2
    blur: tuple[Probability, Probability] = (1.0, 0.1)
    blur_sigma: Interval = (0.1, 2.0)
    solarize: tuple[Probability, Probability] = (0.0, 0.2)

    def check(self) -> None:
        """Refuse intervals that run backwards and crops beyond the image."""
        for name in ("crop_scale", "crop_ratio", "blur_sigma"):
            low, high = getattr(self, name)
            if low > high:
                raise InputError(
                    f"views.{name}", (low, high), "is not an interval", remedy="lowest value first"
                )
        if self.crop_scale[1] > 1:
            raise InputError("views.crop_scale", self.crop_scale, "exceeds the image", remedy="use at most 1")

    def make(self, images: Tensor, generator: torch.Generator, share: Share) -> tuple[Tensor, Tensor]:
        """See `make_views`."""
        return make_views(
            images, self, generator, rank=share.rank, world_size=share.workers, global_size=share.total
        )


def make_views(
    images: Tensor,
    settings: ByolViews,
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
    columns = [torch.cat([getattr(view, field.name) for view in own]) for field in fields(ViewParameters)]
    parameters = ViewParameters(*moved(torch.stack(columns), images.device).unbind())
    pixels = images.float().div(255) if images.dtype == torch.uint8 else images
    views = apply_views(pixels.repeat(2, 1, 1, 1), parameters)
    return views[:count], views[count:]


_DRAWS = 14  # uniform numbers per view; the order below is part of a trial's identity


def draw_parameters(
    count: int,
    height: int,
    width: int,
    settings: ByolViews,
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
        view_a, view_b = draw.view(2, -1)
        return torch.cat([view_a < probability[0], view_b < probability[1]]).float()

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
