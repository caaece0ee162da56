"""How much memory a Parquet file takes, from its metadata: a few bytes may stand for millions of rows."""

from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dalbt_ray.results.parquet_pages import pages
from dalbt_ray.results.storage.sealed import NewerFormatError

UNPACKED_BYTES = 512 * 2**20
"""The most that a table may take in memory: some five million acquired images."""

PAGE_BYTES = 64 * 2**20
"""The most that one page may take, which is unpacked at once: writers end a page after a megabyte."""

MOST_COLUMNS = 1_000
"""Of a table: ours have some thirty, and one for each further metric."""

_TEXT = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


def open_parquet(data: bytes, **options: object) -> pq.ParquetFile:
    """A Parquet file whose metadata are no bomb themselves."""
    limits = {"thrift_string_size_limit": 16 * 2**20, "thrift_container_size_limit": 100_000}
    return pq.ParquetFile(pa.BufferReader(data), **limits, **options)


def refuse_bomb(data: bytes) -> None:
    """Raise before such a file is unpacked.

    Raises:
        NewerFormatError: it takes more memory than any table that this version writes, or has far more columns.
    """
    metadata = open_parquet(data).metadata
    columns = metadata.num_columns
    if columns > MOST_COLUMNS:
        raise NewerFormatError(f"has {columns:,} columns; this program takes {MOST_COLUMNS:,} at most")
    needed = unpacked_bytes(data, metadata)
    if needed > UNPACKED_BYTES:
        raise NewerFormatError(
            f"unpacks to {needed:,} bytes or more; this program takes {UNPACKED_BYTES:,} at most"
        )


def unpacked_bytes(data: bytes, metadata: pq.FileMetaData) -> int:
    """Bytes that the whole table takes in memory, at least: numbers by their count, texts by their lengths.

    Texts are counted one by one only where a dictionary could make many long ones of a few bytes.
    """
    total, doubtful = 0, set[str]()
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            total += 8 * column.num_values + column.total_uncompressed_size
            is_text = column.physical_type in _TEXT
            if is_text and column.num_values * column.total_uncompressed_size > UNPACKED_BYTES:
                doubtful.add(column.path_in_schema)
    if total > UNPACKED_BYTES:
        return total
    # A footer may say anything; what is unpacked at once is what the pages' own headers say.
    every = {metadata.schema.column(each).path.partition(".")[0] for each in range(metadata.num_columns)}
    sizes = [page.unpacked for page in pages(BytesIO(data), metadata, every)]
    if max(sizes, default=0) > PAGE_BYTES:
        return max(UNPACKED_BYTES + 1, *sizes)
    total = max(total, sum(sizes))
    if total > UNPACKED_BYTES or not doubtful:
        return total
    names = sorted(doubtful)
    if any(
        "." in name for name in names
    ):  # texts in lists, which no table of ours has, are counted at their worst
        return UNPACKED_BYTES + 1
    packed = open_parquet(data, read_dictionary=names).read(columns=names, use_threads=False)
    for column in packed.columns:
        for chunk in column.chunks:
            lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
            total += pc.sum(lengths).as_py() or 0
    return total
