"""What the pages of a Parquet file say of their own sizes: a footer may understate what they unpack to.

A page's header is a Thrift struct in the compact protocol (parquet.thrift, `PageHeader`): of its fields only the first
three are looked at, the others are stepped over.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow.parquet as pq

HEADER_BYTES = (512, 2**20)
"""Read for one header; the more if the first were too few: statistics of a page hold its smallest and largest value."""

_DICTIONARY = 2
_FALSE, _TRUE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        is_dictionary: it holds the values that later pages name.
        unpacked: bytes that it takes when it is read.
        packed: bytes that it takes in the file, without its header.
    """

    is_dictionary: bool
    unpacked: int
    packed: int


def pages(file: BinaryIO, metadata: pq.FileMetaData, columns: Collection[str]) -> Iterator[Page]:
    """All pages of some columns, and of what they are made of; reads the headers and no more.

    Raises:
        ValueError: what is there are no pages.
    """
    wanted = [
        each
        for each in range(metadata.num_columns)
        if metadata.schema.column(each).path.split(".")[0] in columns
    ]
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        if not group.num_rows:
            continue  # nothing of it is read
        for chunk in map(group.column, wanted):
            starts = [chunk.data_page_offset]
            if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                starts.append(chunk.dictionary_page_offset)
            yield from _walk(file, min(starts), chunk.total_compressed_size)


def _walk(file: BinaryIO, start: int, length: int) -> Iterator[Page]:
    place = start
    while place < start + length:
        header, taken = _header(file, place)
        kind, unpacked, packed = (header.get(field, -1) for field in (1, 2, 3))
        if min(kind, unpacked, packed) < 0:
            raise ValueError("a page's header does not say its size")
        yield Page(kind == _DICTIONARY, unpacked, packed)
        place += taken + packed


def _header(file: BinaryIO, place: int) -> tuple[dict[int, int], int]:
    """The integers of the header at `place`, and its length."""
    for enough in HEADER_BYTES:
        file.seek(place)
        reader = _Compact(file.read(enough))
        try:
            return reader.struct(wanted=3), reader.place
        except EOFError as error:
            problem = error
    raise ValueError(str(problem))


class _Compact:
    """Steps through Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def struct(self, wanted: int = 0, depth: int = 0) -> dict[int, int]:
        """The integers among the first `wanted` fields, by number."""
        found, field = dict[int, int](), 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            field = field + step if step else self._signed()
            value = self._value(kind, depth)
            if field <= wanted and kind in (_I16, _I32, _I64):
                found[field] = value
        return found

    def _value(self, kind: int, depth: int) -> int:
        if depth > 16:
            raise ValueError("a page's header is nested without end")
        if kind in (_I16, _I32, _I64):
            return self._signed()
        if kind == _BYTE:
            self.place += 1
        elif kind == _DOUBLE:
            self.place += 8
        elif kind == _BINARY:
            length = self._unsigned()  # on a line of its own: it moves the place, too
            self.place += length
        elif kind in (_LIST, _SET):
            head = self._byte()
            for _ in range(self._unsigned() if head >> 4 == 15 else head >> 4):
                self._element(head & 15, depth)
        elif kind == _STRUCT:
            self.struct(depth=depth + 1)
        elif kind not in (_TRUE, _FALSE):
            raise ValueError("a page's header is none")
        return 0

    def _element(self, kind: int, depth: int) -> None:
        if kind in (_TRUE, _FALSE):
            self.place += 1  # as a field, the type is the value; in a list it takes a byte
        else:
            self._value(kind, depth + 1)

    def _byte(self) -> int:
        if self.place >= len(self.data):
            raise EOFError("a page's header ends too early")
        self.place += 1
        return self.data[self.place - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a page's header has a number that is too long")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
