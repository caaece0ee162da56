"""What happens to each image of a batch when a view of it is made."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


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
