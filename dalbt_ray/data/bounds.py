"""How large a data file may be made before it is read: a few bytes can claim to be all of the memory."""

import os
import stat
from math import prod
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from dalbt_ray.data.decoding import Shape
from dalbt_ray.errors import InputError

FOOTER_BYTES = 64 * 2**20
"""Of a Parquet file's footer: a million images in groups of 1,000 need one."""

ROWS_FREE, BYTES_PER_ROW = 10_000, 4
"""A file has at most so many rows, and one more for every so many bytes: an encoded image takes a hundred."""

INFLATION, BYTES_FREE = 200, 256 * 2**20
"""A file may unpack to so many times its size, and some: encoded images hardly shrink when they are packed again."""

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
    if metadata.num_rows > ROWS_FREE + size // BYTES_PER_ROW:
        problem = f"claims {metadata.num_rows:,} rows in {size:,} bytes, which no images fit into"
        raise InputError("data file", str(path), problem, remedy="prepare the set again")
    unpacked = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if unpacked > BYTES_FREE + INFLATION * size:
        problem = f"would unpack {size:,} bytes to {unpacked:,}"
        raise InputError("data file", str(path), problem, remedy="prepare the set again")


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
        with _opened(path) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError("image", str(path), "is no regular file", remedy="remove it")
            if status.st_size > IMAGE_FILE_BYTES:
                problem = f"has {status.st_size:,} bytes, more than any image that can be read"
                raise InputError("image", str(path), problem, remedy="remove it")
            return file.read(IMAGE_FILE_BYTES)
    except OSError as error:
        raise InputError("image", str(path), f"cannot be read ({error.strerror})") from None


def _opened(path: Path) -> BinaryIO:
    # A pipe that somebody put there must not make us wait.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
