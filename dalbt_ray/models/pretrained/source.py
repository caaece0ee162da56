"""What a source of pretrained models is, and how its models want their images."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from dalbt_ray.errors import InputError


@dataclass(frozen=True)
class Preprocessing:
    """How pixels become the input of a model.

    Attributes:
        side: pixels; images are resized to side x side, whatever their shape, without cropping.
        mean, std: of the three channels, for pixels in 0..1.
        interpolation: of the resizing, which is antialiased where it shrinks.
    """

    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"

    def __call__(self, images: NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
        """uint8[b, h, w, c] to float32[b, 3, side, side]; gray is repeated in three channels."""
        x = torch.tensor(images, device=device).permute(0, 3, 1, 2).float().div_(255)
        if x.shape[2:] != (self.side, self.side):
            size = (self.side, self.side)
            x = functional.interpolate(x, size, mode=self.interpolation, antialias=True).clamp_(0, 1)
        mean, std = (
            torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (self.mean, self.std)
        )
        return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


class Source(ABC):
    """A library or package whose models have weights somewhere in the world."""

    @abstractmethod
    def offers(self, model: str) -> bool:
        """Whether a name is one of this source's, by its form."""

    @abstractmethod
    def check(self, model: str) -> None:
        """Refuse a model that the source does not have.

        Raises:
            InputError: it, or the library that it needs, is not there.
        """

    @abstractmethod
    def preprocessing(self, model: str) -> Preprocessing | None:
        """What the model was trained with; None where nothing says so."""

    @abstractmethod
    def to_bring(self, model: str) -> str:
        """Which file holds the weights, and where it can be had: the remedy where it is missing."""

    def installed_weights(self, model: str) -> Path | None:  # noqa: ARG002
        """The file of the weights where an installed package has them; None where the user has to bring it."""
        return None

    @abstractmethod
    def load(self, model: str, file: Path) -> nn.Module:
        """float[b, 3, side, side] to float[b, d], in evaluation mode.

        Raises:
            InputError: weights that cannot be read, or are another model's.
        """


def fill(layers: nn.Module, tensors: Mapping[str, Tensor], model: str, file: Path) -> nn.Module:
    """`layers` with the weights of the same names; further ones, such as those of a classifier, are left.

    Raises:
        InputError: a weight is missing or has another shape.
    """
    known = layers.state_dict()
    for name, tensor in known.items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            problem = "lacks" if name not in tensors else "has in another shape"
            raise InputError(
                "encoder.weights",
                str(file),
                f"{problem} {name!r} of {model}",
                remedy="bring that model's file",
            )
    layers.load_state_dict({name: tensors[name] for name in known})
    return layers.eval()


def refuse_if_missing(name: str, extra: str) -> None:
    """Refuse a library that is not installed, without the seconds that importing it takes.

    Raises:
        InputError: names the extra that has it.
    """
    if find_spec(name) is None:
        raise InputError("encoder.model", name, "is not installed", remedy=f"pip install {extra}")


def library(name: str, extra: str) -> Any:
    """An optional library.

    Raises:
        InputError: it is not installed; names the extra that has it.
    """
    refuse_if_missing(name, extra)
    return import_module(name)
