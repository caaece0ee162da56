"""The images of one trial. What is below this border counts pool rows; only this file knows where an image lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.image_set import Images
from dalbt_ray.models.encoder import Shape


@dataclass(frozen=True)
class TrialImages:
    """Some images of an image set, by rows of their own: the pool of a trial, say, or its validation images.

    Attributes:
        source: the image set's images, shared by all trials.
        places: int64[n], ascending: where image i lies in the source.
    """

    source: Images
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> Shape:
        """(height, width, channels) of every image."""
        return self.source.shape

    @cached_property
    def all(self) -> NDArray[Any]:
        """[n, h, w, c], every image at once, gathered when it is first asked for and then kept."""
        return self.source.take(self.places)

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """[b, h, w, c], a copy of the images at `rows` (int64[b]), in that order."""
        return self.source.take(self.places[rows])

    def batches(self, wanted: NDArray[np.bool_], size: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """The `wanted` (bool[n]) images in ascending order, at most `size` at a time, each batch with its number.

        The source is streamed once, in runs of `size` images; a batch is what is wanted of a run, so what it holds
        depends on no other trial.
        """
        there = np.zeros(len(self.source), dtype=bool)
        there[self.places[wanted]] = True
        for number, (first, run) in enumerate(self.source.batches(size)):
            keep = there[first : first + len(run)]
            if keep.any():
                yield number, run if keep.all() else run[keep]
