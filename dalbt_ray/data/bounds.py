"""How large a data file may be made before it is read: a few bytes can claim to be all of the memory."""

import os
import stat
from math import prod
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from dalbt_ray.data.decoding import BadImageError, Shape
from dalbt_ray.errors import InputError
from dalbt_ray.results.parquet_pages import pages

FOOTER_BYTES = 64 * 2**20
"""Of a Parquet file's footer: a million images in groups of 1,000 need one."""

ROWS_FREE, BYTES_PER_ROW, MOST_ROWS = 10_000, 4, 16_000_000
"""A file has at most so many rows, and one more for every so many bytes: an encoded image takes a hundred. ImageNet-21k
has 14 million."""

VALUES_PER_ROW = 8
"""Of what is read of it: id, label, file name, and the fields of an image."""

INFLATION, BYTES_FREE = 200, 64 * 2**20
"""A file may unpack to so many times its size, and some: encoded images hardly shrink when they are packed again."""

PAGE_INFLATION, PAGE_BYTES = 4, 64 * 2**20
"""The same for one page of a column, which is unpacked at once. Parquet's writers end one after a megabyte, but look
only once in 1,024 rows: pages of photographs are large, and do not shrink."""

_READ = ("id", "image", "label", "file")

IMAGE_FILE_BYTES = 256 * 2**20
"""Of one image file: what the largest image that is read takes without any compression."""


def refuse_odd_file(path: Path) -> None:
    """Refuse what is no regular file, and a footer that is larger than any set's; reads 8 bytes.

    Raises:
        InputError: it is one.
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputError("data file", str(path), "is no regular file", remedy="put a Parquet file there")
        if status.st_size < 12:
            return  # too short for a footer: Arrow says what it is
        file.seek(-8, os.SEEK_END)
        tail = file.read(8)
    footer = int.from_bytes(tail[:4], "little")
    if tail[4:] == b"PAR1" and FOOTER_BYTES < footer <= status.st_size:
        problem = f"has {footer:,} bytes of metadata, more than the {FOOTER_BYTES:,} that can be right"
        raise InputError("data file", str(path), problem, remedy="prepare the set again")


def refuse_bomb(path: Path, file: pq.ParquetFile) -> None:
    """Refuse a file that would unpack to far more than images can.

    Raises:
        InputError: it would.
    """
    size, metadata = path.stat().st_size, file.metadata
    groups = sum(metadata.row_group(each).num_rows for each in range(metadata.num_row_groups))
    rows = max(metadata.num_rows, groups)  # a footer says it twice, and either is acted on
    if rows > min(MOST_ROWS, ROWS_FREE + size // BYTES_PER_ROW):
        raise _hostile(path, f"claims {rows:,} rows in {size:,} bytes, which no images fit into")
    # The footer may say anything; the pages' own headers are what their memory follows from. Holes are no pages.
    packed = unpacked = values = 0
    try:
        with path.open("rb") as opened:
            for page in pages(opened, metadata, _READ):
                if page.unpacked > max(PAGE_BYTES, PAGE_INFLATION * page.packed):
                    problem = f"has a page of {page.packed:,} bytes that would unpack to {page.unpacked:,}"
                    raise _hostile(path, problem)
                packed, unpacked = packed + page.packed, unpacked + page.unpacked
                values += page.values
    except InputError:
        raise
    except ValueError as error:
        raise _hostile(path, f"is damaged ({error})") from None
    if unpacked > BYTES_FREE + INFLATION * packed:
        raise _hostile(path, f"would unpack {packed:,} bytes to {unpacked:,}")
    most = ROWS_FREE + packed // BYTES_PER_ROW
    if rows > most:
        raise _hostile(path, f"claims {rows:,} rows in {packed:,} bytes, which no images fit into")
    if values > VALUES_PER_ROW * most:  # a list may have them all in one row
        raise _hostile(path, f"has {values:,} values in {packed:,} bytes, which no images fit into")


def _hostile(path: Path, problem: str) -> InputError:
    return InputError("data file", str(path), problem, remedy="prepare the set again")


def refuse_beyond_memory(path: Path, images: int, shape: Shape) -> None:
    """Refuse images that decoded take more than all of this machine's memory.

    Raises:
        InputError: it does; with both sizes.
    """
    needed, there = images * prod(shape), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise InputError(
            "data file",
            str(path),
            f"has {images:,} images that take {needed / 2**30:,.1f} GiB, and this machine has {there / 2**30:,.1f}",
            remedy="prepare it with a smaller --size, or use a larger machine",
        )


def read_image_file(path: Path) -> bytes:
    """The bytes of an image file.

    Raises:
        InputError: no regular file, one that is too large to be an image, or one that cannot be read.
    """
    try:
        return image_file_bytes(path)
    except BadImageError as error:
        raise InputError("image", str(path), error.problem, remedy="remove it") from None
    except OSError as error:
        raise InputError("image", str(path), f"cannot be read ({error.strerror})") from None


def image_file_bytes(path: Path) -> bytes:
    """The same, for who goes on with the other images.

    Raises:
        BadImageError: no regular file, or one that is too large to be an image.
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise BadImageError(0, "is no regular file")
        refuse_large_image(status.st_size)
        return file.read(IMAGE_FILE_BYTES)


def refuse_large_image(size: int) -> None:
    """Refuse encoded images that are too large to be any.

    Raises:
        BadImageError: `size` bytes are more than `IMAGE_FILE_BYTES`.
    """
    if size > IMAGE_FILE_BYTES:
        raise BadImageError(0, f"has more bytes than the {IMAGE_FILE_BYTES:,} that an image may have")


def _opened(path: Path) -> BinaryIO:
    # A pipe that somebody put there must not make us wait.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
