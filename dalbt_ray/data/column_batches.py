"""A column of a Parquet file in batches whose memory is bounded, whatever its dictionary makes of a few bytes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dalbt_ray.data.bounds import BYTES_FREE, INFLATION
from dalbt_ray.errors import InputError
from dalbt_ray.results.parquet_pages import pages

AT_ONCE = 16 * 2**20
"""Bytes of values that are held at once, or one value if it has more."""

MOST_VALUES = 1_000
"""And so many values."""


def column_batches(
    path: Path, file: pq.ParquetFile, column: str, groups: Sequence[int] | None = None
) -> Iterator[list[Any]]:
    """The values of a column as Python has them, in storage order, in lists of at most `MOST_VALUES`.

    Args:
        path: the file.
        file: the same, opened and looked at (`open_parquet`).
        column: its name, with dots inside a struct.
        groups: the row groups that are read; all of them if None.

    Raises:
        InputError: its values take far more than the file.
        ArrowException, OSError: it is damaged.
    """
    groups = range(file.metadata.num_row_groups) if groups is None else groups
    with path.open("rb") as opened:
        found = pages(opened, file.metadata, {column.partition(".")[0]}, groups)
        largest = max((page.unpacked for page in found), default=0)
    # A value lies in one page, and a dictionary's page may be all that a million rows name.
    rows = max(1, min(MOST_VALUES, AT_ONCE // max(1, largest)))
    allowed = BYTES_FREE + INFLATION * path.stat().st_size
    values: list[Any] = []
    held = seen = 0
    for batch in file.iter_batches(rows, row_groups=list(groups), columns=[column], use_threads=False):
        size = batch.nbytes
        if values and (held + size > AT_ONCE or len(values) + len(batch) > MOST_VALUES):
            full, values, held = values, [], 0
            yield full
            del full  # or it would be held until the next one is full
        values += batch.column(0).to_pylist()
        held, seen = held + size, seen + size
        if seen > allowed:
            problem = f"names the same large values in {column!r} again and again: {allowed:,} bytes and more"
            raise InputError("data file", str(path), problem, remedy="prepare the set again")
    if values:
        yield values


def bytes_of(value: Any) -> bytes:
    """An encoded image, bare or in a struct as Hugging Face writes it; a null has no bytes."""
    return (value.get("bytes") if isinstance(value, dict) else value) or b""


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column of this type may hold encoded images."""
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and holds_bytes(field.type) for field in kind)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
