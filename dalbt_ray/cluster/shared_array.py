"""One array of images or features in the object store: a node holds one copy, whatever the number of its trials."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import ray
from numpy.typing import NDArray

from dalbt_ray.data.decoding import Shape


class SharedArray:
    """What `dalbt_ray.data.image_set.Images` asks for, read where it lies in shared memory.

    Picklable by reference. It stays on the driver's node, which cannot be lost without the sweep.

    Args:
        array: [n, h, w, c], moved to the object store.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._reference = ray.put(array)
        self._shape: Shape = (array.shape[1], array.shape[2], array.shape[3])
        self._count = len(array)

    @property
    def shape(self) -> Shape:
        """(height, width, channels); (1, 1, d) of features."""
        return self._shape

    def __len__(self) -> int:
        return self._count

    def take(self, rows: NDArray[Any]) -> NDArray[Any]:
        """[b, h, w, c], a copy of the images at `rows`."""
        chosen: NDArray[Any] = self._view[rows]
        return chosen

    def batches(self, size: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """First row and a view of each run of `size` images."""
        for first in range(0, self._count, size):
            yield first, self._view[first : first + size]

    @cached_property
    def _view(self) -> NDArray[Any]:
        view: NDArray[Any] = ray.get(self._reference)
        return view

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the view, which every process maps for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_view"}
