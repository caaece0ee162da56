"""What the pages of a Parquet file say of their own sizes: a footer may understate what they unpack to.

A page's header is a Thrift struct in the compact protocol (parquet.thrift, `PageHeader`): its kind and its two sizes
are looked at, and how many values it says that it has; the others are stepped over.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow.parquet as pq

HEADER_BYTES = (512, 2**20)
"""Read for one header; the more if the first were too few: statistics of a page hold its smallest and largest value."""

_DICTIONARY = 2
_DATA, _DATA_V2 = 5, 8
"""Fields that are structs whose first integer is the number of values."""
DEEPEST = 16
"""Lists and structs in each other."""
_ENDLESS = "a page's header is nested without end"
_TRUTHS, _INTEGERS, _I32 = (1, 2), (4, 5, 6), 5
_BINARY, _LIST, _SET, _STRUCT = 8, 9, 10, 12
_SIZES = {1: 1, 2: 1, 3: 1, 7: 8}
"""Bytes of truths (in a list), bytes and doubles."""


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        is_dictionary: it holds the values that later pages name.
        unpacked: bytes that it takes when it is read.
        packed: bytes that it takes in the file, without its header.
        values: how many a page of data has, nulls included: a list may have them all in one row; 0 of a dictionary.
    """

    is_dictionary: bool
    unpacked: int
    packed: int
    values: int


def pages(
    file: BinaryIO, metadata: pq.FileMetaData, columns: Collection[str], groups: Iterable[int] | None = None
) -> Iterator[Page]:
    """All pages of some columns, and of what they are made of; reads the headers and no more.

    Args:
        file: the Parquet file.
        metadata: its footer.
        columns: their names.
        groups: row groups that are looked at; all of them if None.

    Raises:
        ValueError: what is there are no pages.
    """
    wanted = [
        each
        for each in range(metadata.num_columns)
        if metadata.schema.column(each).path.split(".")[0] in columns
    ]
    for group in map(metadata.row_group, range(metadata.num_row_groups) if groups is None else groups):
        if not group.num_rows:
            continue  # nothing of it is read
        for chunk in map(group.column, wanted):
            yield from chunk_pages(file, chunk)


def chunk_pages(file: BinaryIO, chunk: pq.ColumnChunkMetaData) -> Iterator[Page]:
    """The pages of one column in one row group.

    Raises:
        ValueError: what is there are no pages.
    """
    place = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        place = min(place, chunk.dictionary_page_offset)
    end = place + chunk.total_compressed_size
    while place < end:
        header, taken = _header(file, place)
        kind, unpacked, packed = (header.get(field, -1) for field in (1, 2, 3))
        values = max(header.get(_DATA, 0), header.get(_DATA_V2, 0))
        if min(kind, unpacked, packed, values) < 0 or max(unpacked, packed) >= 2**31:
            raise ValueError("a page's header does not say its size")
        yield Page(kind == _DICTIONARY, unpacked, packed, values)
        place += taken + packed


def _header(file: BinaryIO, place: int) -> tuple[dict[int, int], int]:
    """Of the header at `place`: the integers of `PageHeader`, the number of values, and its length."""
    for enough in HEADER_BYTES:
        file.seek(place)
        try:
            return _struct(file.read(enough), 0, wanted=3)
        except IndexError:
            continue
    raise ValueError("a page's header ends too early")


def _struct(data: bytes, place: int, *, wanted: int = 0, depth: int = 0) -> tuple[dict[int, int], int]:
    """The integers of 32 bits among the first `wanted` fields of the struct at `place`, by number, and where it ends.

    With `wanted`, also the first integer of what tells of data. A field of another type is none: Arrow skips it too.

    One loop without calls for what is frequent: a sweep's tables have tens of thousands of pages.

    Raises:
        IndexError: it does not end.
    """
    found, field = dict[int, int](), 0
    while head := data[place]:
        place += 1
        kind = head & 15
        if head >> 4:
            field += head >> 4
        else:
            number, place = _number(data, place)
            field = _signed(number)
        if kind in _INTEGERS:
            if kind == _I32 and field <= wanted:
                number, place = _number(data, place)
                found[field] = _signed(number)
            else:
                while data[place] > 127:
                    place += 1
                place += 1
        elif kind == _STRUCT:
            inner, place = _nested(data, place, depth, wanted=min(wanted, 1))
            if field in (_DATA, _DATA_V2) and 1 in inner:
                found[field] = inner[1]
        elif kind not in _TRUTHS:  # there, the type is the value
            place = _beyond(data, place, kind, depth)
    return found, place + 1


def _beyond(data: bytes, place: int, kind: int, depth: int) -> int:
    """Where the value at `place` ends."""
    if kind in _INTEGERS:
        return _number(data, place)[1]
    if kind in _SIZES:
        return place + _SIZES[kind]
    if kind == _BINARY:
        length, place = _number(data, place)
        return place + length
    if kind == _STRUCT:
        return _nested(data, place, depth)[1]
    if kind not in (_LIST, _SET):
        raise ValueError("a page's header is none")
    if depth > DEEPEST:
        raise ValueError(_ENDLESS)
    of, count = data[place] & 15, data[place] >> 4
    place += 1
    if count == 15:
        count, place = _number(data, place)
    if of in _SIZES:  # any number of them takes no time
        return place + count * _SIZES[of]
    for _ in range(count):  # each takes a byte at least
        place = _beyond(data, place, of, depth + 1)
    return place


def _nested(data: bytes, place: int, depth: int, wanted: int = 0) -> tuple[dict[int, int], int]:
    if depth > DEEPEST:
        raise ValueError(_ENDLESS)
    return _struct(data, place, wanted=wanted, depth=depth + 1)


def _number(data: bytes, place: int) -> tuple[int, int]:
    """The unsigned number at `place`, and where it ends."""
    value = shift = 0
    while (byte := data[place]) > 127:
        value |= (byte & 127) << shift
        shift += 7
        place += 1
        if shift > 63:
            raise ValueError("a page's header has a number that is too long")
    return value | byte << shift, place + 1


def _signed(number: int) -> int:
    return (number >> 1) ^ -(number & 1)
