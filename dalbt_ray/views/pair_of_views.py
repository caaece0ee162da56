"""What a way of making views is: a frozen value that turns a batch into two augmented versions of it."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dalbt_ray.options.value import Named


@dataclass(frozen=True)
class Share:
    """Which images of the global batch this worker has: rows rank, rank + workers, rank + 2 x workers, ...

    Attributes:
        rank: of this worker.
        workers: how many share the batch.
        total: images in the global batch.
    """

    rank: int
    workers: int
    total: int

    @property
    def rows(self) -> slice:
        """This worker's rows of something that was drawn for the whole batch."""
        return slice(self.rank, self.total, self.workers)


class Views(Named):
    """Base of all ways to make views. A subclass is a frozen dataclass whose fields are its options."""

    path: ClassVar[str] = "views"

    @abstractmethod
    def make(self, images: Tensor, generator: torch.Generator, share: Share) -> tuple[Tensor, Tensor]:
        """View a and view b of each image, float32[b, c, h, w] in [0, 1].

        Every worker draws the parameters of the whole global batch from a generator in the same state and applies those
        of its own rows, so that several workers make exactly the views of one.

        Args:
            images: uint8[b, c, h, w], or float in [0, 1]; this worker's share of the batch.
            generator: source of all draws.
            share: which share that is.
        """
