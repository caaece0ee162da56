"""How much memory a Parquet file takes, from its metadata: a few bytes may stand for millions of rows."""

from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dalbt_ray.results.parquet_pages import chunk_pages
from dalbt_ray.results.storage.sealed import NewerFormatError

UNPACKED_BYTES = 512 * 2**20
"""The most that a table may take in memory: some five million acquired images."""

PAGE_BYTES = 64 * 2**20
"""The most that one page may take, which is unpacked at once: writers end a page after a megabyte."""

MOST_PAGES = 100_000
"""Of a table, each of which is looked at: writers put thousands of values into one."""

MOST_COLUMNS = 1_000
"""Of a table: ours have some thirty, and one for each further metric."""

_TEXT = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


def open_parquet(data: bytes, **options: object) -> pq.ParquetFile:
    """A Parquet file whose metadata are no bomb themselves.

    Read it with `use_threads=False`, and never by `pq.read_table`: a thread of Arrow's that drops the last reference
    to `data` while the interpreter ends is ended with it, and the process aborts ("terminate called without an active
    exception").
    """
    limits = {"thrift_string_size_limit": 16 * 2**20, "thrift_container_size_limit": 100_000}
    return pq.ParquetFile(pa.BufferReader(data), **limits, **options)


def refuse_bomb(data: bytes) -> None:
    """Raise before such a file is unpacked.

    Raises:
        NewerFormatError: it takes more memory than any table that this version writes, or has far more columns or
            pages.
        ValueError: what is there are no pages.
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

    A footer may say anything: counted is what the pages' own headers say. Texts are counted one by one only where a
    dictionary could make many long ones of a few bytes.

    Raises:
        NewerFormatError: there are far more pages than in any table of ours.
        ValueError: what is there are no pages.
    """
    file, total, seen, doubtful = BytesIO(data), 0, 0, set[str]()
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns) if group.num_rows else ()):
            size = values = 0
            for page in chunk_pages(file, column):
                if page.unpacked > PAGE_BYTES:
                    return max(UNPACKED_BYTES + 1, page.unpacked)
                seen, size, values = seen + 1, size + page.unpacked, values + page.values
                if seen > MOST_PAGES:
                    raise NewerFormatError(f"has more than {MOST_PAGES:,} pages, all that this program takes")
                if total + size + 8 * values > UNPACKED_BYTES:
                    return total + size + 8 * values
            total += size + 8 * values
            if column.physical_type in _TEXT and values * size > UNPACKED_BYTES:
                doubtful.add(column.path_in_schema)
    if not doubtful:
        return total
    names = sorted(doubtful)
    if any(
        "." in name for name in names
    ):  # texts in lists, which no table of ours has: counted at their worst
        return UNPACKED_BYTES + 1
    packed = open_parquet(data, read_dictionary=names).read(columns=names, use_threads=False)
    for column in packed.columns:
        for chunk in column.chunks:
            lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
            total += pc.sum(lengths).as_py() or 0
    return total
