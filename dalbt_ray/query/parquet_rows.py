"""Single rows of a pool's Parquet file, mostly asked for one after the other: little is held, nothing is read twice."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from threading import Lock

import pyarrow as pa

from dalbt_ray.data.column_batches import bytes_of, column_batches
from dalbt_ray.data.prepare.parquet_folder import open_images
from dalbt_ray.data.split_file import damaged


class ParquetRows:
    """The encoded images of a file by row; several threads may ask.

    Attributes:
        file: the file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._parquet, self._lock = open_images(file), Lock()
        metadata = self._parquet.metadata
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self._firsts = [0, *accumulate(sizes)]
        self._batches: Iterator[list[object]] = iter(())
        self._next = -1  # row that the next batch begins with; -1 while there is none
        self._held: list[
            tuple[int, list[object]]
        ] = []  # the last two batches: threads that lag behind ask for the first

    def read(self, row: int) -> bytes:
        """One image; no bytes for a null.

        Raises:
            OSError: no such row.
            InputError: the file is damaged, or changed since it was opened.
        """
        if not 0 <= row < self._firsts[-1]:
            raise FileNotFoundError(row)
        with self._lock:
            for first, values in self._held:
                if first <= row < first + len(values):
                    return bytes_of(values[row - first])
            try:
                return bytes_of(self._advance(row))
            except (pa.ArrowException, OSError) as error:
                self._held, self._next = [], -1
                raise damaged(self.file, error) from None

    def _advance(self, row: int) -> object:
        """On to the row, from where we are or from the beginning of its row group."""
        group = max(each for each, first in enumerate(self._firsts[:-1]) if first <= row)
        if not self._firsts[group] <= self._next <= row:
            groups = range(group, len(self._firsts) - 1)
            self._batches = column_batches(self.file, self._parquet, "image", groups)
            self._next, self._held = self._firsts[group], []
        while True:
            values = next(self._batches, None)
            if values is None:
                raise OSError("it has fewer rows than it says")
            first, self._next = self._next, self._next + len(values)
            self._held = [*self._held[-1:], (first, values)]
            if row < self._next:
                return values[row - first]


@lru_cache(maxsize=2)
def parquet_rows(file: Path) -> ParquetRows:
    """The same for whoever asks for this file in this process."""
    return ParquetRows(file)
