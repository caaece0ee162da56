"""The usual mild augmentation of small images: a crop out of the padded image, and a flip where that means nothing."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Lt
from torch import Tensor
from torch.nn import functional

from dalbt_ray.options.ranges import Probability
from dalbt_ray.views.augmentation import Augmentation
from dalbt_ray.views.pair_of_views import Share
from dalbt_ray.workers.device import moved


@dataclass(frozen=True, kw_only=True)
class ShiftAndFlip(Augmentation):
    """Pads the image with black, crops a window of its size out of it at random, and may mirror that.

    He et al. 2016, section 4.2, pad 32 pixels by 4 and flip every second image; the pixels stay what they are, since
    the window moves by whole ones.

    Attributes:
        shift: largest shift along each axis, either way, as a share of the side, rounded to pixels; uniform. 0.125 are
            the 4 pixels of 32. [He et al. 2016]
        flip: probability of mirroring left and right: 0 for digits, letters and whatever else has a right way round.
    """

    name: ClassVar[str] = "shift_and_flip"
    shift: Annotated[float, Ge(0), Lt(0.5)] = 0.125
    flip: Probability = 0.0

    def make(self, images: Tensor, generator: torch.Generator, share: Share) -> Tensor:
        """See the base class."""
        count, channels, height, width = images.shape
        drawn = torch.rand(share.total, 3, generator=generator, device=generator.device)[share.rows]
        down, right, flip = moved(drawn.contiguous(), images.device).unbind(1)
        rows, tall = _window(down, height, round(self.shift * height))
        columns, wide = _window(right, width, round(self.shift * width))
        columns = torch.where((flip < self.flip)[:, None], columns.flip(1), columns)
        padded = functional.pad(images, (wide, wide, tall, tall))
        number = torch.arange(count, device=images.device)[:, None, None, None]
        channel = torch.arange(channels, device=images.device)[None, :, None, None]
        return padded[number, channel, rows[:, None, :, None], columns[:, None, None, :]].contiguous(
            memory_format=torch.channels_last
        )


def _window(uniform: Tensor, side: int, margin: int) -> tuple[Tensor, int]:
    """The padded image's pixels in each window, int64[b, side], from draws in 0..1; and the padding itself."""
    start = (uniform * (2 * margin + 1)).long().clamp_(max=2 * margin)
    return start[:, None] + torch.arange(side, device=uniform.device), margin
