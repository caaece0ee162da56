"""BYOL's augmentations, which Barlow Twins and the paper take over."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from dalbt_ray.errors import InputError
from dalbt_ray.options.ranges import Positive, Probability
from dalbt_ray.views.batch_views import make_views
from dalbt_ray.views.pair_of_views import Share, Views

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
