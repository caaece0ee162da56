"""Views that keep a digit or a letter what it is: small shifts, rotations and scalings, no flip, no colors."""

from dataclasses import dataclass
from math import pi
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Lt
from torch import Tensor
from torch.nn import functional

from dalbt_ray.options.ranges import NotNegative
from dalbt_ray.views.pair_of_views import Share, Views
from dalbt_ray.workers.device import moved


@dataclass(frozen=True, kw_only=True)
class DigitViews(Views):
    """Each view is the image under one affine map, drawn by itself; beyond the border it is black.

    BYOL's crops and flips make other digits of digits: with a linear head on 100 labels, Barlow Twins on MNIST reaches
    89.7 % with views of this kind and 80.1 % with BYOL's (one measurement of a prototype).

    Attributes:
        shift: largest shift along each axis, as a share of the side; uniform.
        rotation: largest rotation in degrees, uniform, either way.
        scale: largest change of size, uniform: 0.1 means factors of 0.9 to 1.1.
    """

    name: ClassVar[str] = "digits"
    shift: Annotated[float, Ge(0), Lt(0.5)] = 0.1
    rotation: NotNegative = 15.0
    scale: Annotated[float, Ge(0), Lt(1)] = 0.1

    def make(self, images: Tensor, generator: torch.Generator, share: Share) -> tuple[Tensor, Tensor]:
        """See the base class."""
        pixels = images.float().div(255) if images.dtype == torch.uint8 else images
        drawn = torch.rand(2, share.total, 4, generator=generator, device=generator.device)[:, share.rows]
        maps = self._maps(moved(drawn.contiguous(), images.device) * 2 - 1)
        view_a, view_b = (_mapped(pixels, each) for each in maps)
        return view_a, view_b

    def _maps(self, uniform: Tensor) -> Tensor:
        """float[2, b, 2, 3]: from output to input coordinates, which run from -1 to 1; `uniform` is in -1..1."""
        down, right, turn, grow = uniform.unbind(2)
        angle, size = turn * self.rotation * pi / 180, 1 / (1 + grow * self.scale)
        cosine, sine = angle.cos() * size, angle.sin() * size
        rows = [
            torch.stack([cosine, -sine, 2 * self.shift * right], dim=2),
            torch.stack([sine, cosine, 2 * self.shift * down], dim=2),
        ]
        return torch.stack(rows, dim=2)


def _mapped(images: Tensor, maps: Tensor) -> Tensor:
    """float[b, c, h, w], bilinear."""
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="zeros", align_corners=False)
