"""Where the images of a pool lie: a folder, a Parquet file, or a list of paths and URIs. Nothing is copied or moved."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Protocol

from dalbt_ray.data.bounds import image_file_bytes, refuse_large_image
from dalbt_ray.data.prepare.image_tree import OTHER_SUFFIXES, SUFFIXES
from dalbt_ray.data.prepare.parquet_folder import open_images
from dalbt_ray.errors import InputError
from dalbt_ray.query.parquet_rows import parquet_rows
from dalbt_ray.query.remote_images import check_kinds, is_uri, read_uri

LIST_BYTES, LIST_LINES = 128 * 2**20, 2_000_000
"""Of a list, at most."""

STATE = ".dalbt"
"""The state folder's name inside a pool folder; a hidden name, so its files are no images of the pool."""


@dataclass(frozen=True, slots=True)
class Place:
    """One image file, as it looks from outside: one whose size and time are unchanged is not read again.

    Attributes:
        path: below the pool's folder with `/`; else as the list has it, or `FILE.parquet#ROW`.
        size: bytes; 0 where it is not known without reading.
        changed: modification time, ns; 0 likewise.
    """

    path: str
    size: int
    changed: int


def storable(place: Place) -> Place:
    """The place as state files have it: what is not Unicode in its path is spelled out, which names no file then."""
    try:
        place.path.encode()
    except UnicodeEncodeError:
        return replace(place, path=place.path.encode("utf-8", "backslashreplace").decode())
    return place


class Pool(Protocol):
    """A source of images."""

    @property
    def location(self) -> str:
        """As a user would type it, absolute."""

    @property
    def default_state(self) -> Path:
        """Where its state folder lies unless the user says otherwise."""

    def places(self) -> list[Place]:
        """Every image, ordered by path."""

    def read(self, path: str) -> bytes:
        """The bytes of the image at `path`.

        Raises:
            OSError: they cannot be read.
            BadImageError: they are too many to be an image, or no file at all.
        """


def open_pool(text: str) -> Pool:
    """The pool that a command names.

    Raises:
        InputError: nothing is there, or a file that is neither Parquet nor a list.
    """
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        return FolderPool(path)
    if not path.is_file():
        raise InputError(
            "POOL", text, "does not exist", remedy="name a folder of images, a Parquet file or a list"
        )
    if path.suffix == ".parquet":
        return ParquetPool(path)
    if path.suffix in (".txt", ".csv", ".lst"):
        return ListPool(path)
    remedy = "name a folder of images, a .parquet file with a column `image`, or a .txt or .csv list of paths"
    raise InputError("POOL", text, "is no pool", remedy=remedy)


@dataclass(frozen=True)
class FolderPool:
    """All image files below a folder, however deep; hidden ones are skipped, links to folders not followed.

    Attributes:
        root: the folder.
    """

    root: Path

    @property
    def location(self) -> str:
        """The folder."""
        return str(self.root)

    @property
    def default_state(self) -> Path:
        """A hidden folder in it."""
        return self.root / STATE

    def places(self) -> list[Place]:
        """See `Pool`. Files that cameras make and nothing here can read are listed too, to be named as unreadable."""
        return sorted(self._scan(str(self.root), ""), key=lambda place: place.path)

    def read(self, path: str) -> bytes:
        """See `Pool`."""
        return image_file_bytes(self.root / path)

    def _scan(self, folder: str, below: str) -> Iterator[Place]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._scan(entry.path, f"{below}{entry.name}/")
                elif Path(entry.name).suffix.lower() in SUFFIXES | OTHER_SUFFIXES and entry.is_file():
                    found = entry.stat()
                    yield Place(below + entry.name, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class _OneFile:
    """What pools that one file names have in common.

    Attributes:
        file: the list, or the Parquet file.
    """

    file: Path

    @property
    def location(self) -> str:
        """The file."""
        return str(self.file)

    @property
    def default_state(self) -> Path:
        """A folder beside it."""
        return self.file.with_name(self.file.name + STATE)


@dataclass(frozen=True)
class ListPool(_OneFile):
    """The images that a text file names, one a line, or in the column `path` of a CSV file.

    Paths are relative to the list's folder; URIs such as `s3://bucket/a.jpg` are read by fsspec, once: what lies at one
    is taken not to change.
    """

    def places(self) -> list[Place]:
        """See `Pool`; a path that is not there is kept, to be named as unreadable.

        Raises:
            InputError: a list that cannot be read, a CSV file without the column `path`, or URIs of a kind that needs
                a package that is not there.
        """
        paths = sorted(set(self._paths()))
        check_kinds(path for path in paths if is_uri(path))
        return [self._place(path) for path in paths]

    def read(self, path: str) -> bytes:
        """See `Pool`."""
        return read_uri(path) if is_uri(path) else image_file_bytes(self.file.parent / path)

    def _place(self, path: str) -> Place:
        if is_uri(path):
            return Place(path, 0, 0)
        try:
            found = (self.file.parent / path).stat()
        except OSError:
            return Place(path, 0, 0)
        return Place(path, found.st_size, found.st_mtime_ns)

    def _paths(self) -> list[str]:
        if (size := self.file.stat().st_size) > LIST_BYTES:
            raise InputError(
                "POOL", str(self.file), f"has {size:,} bytes, more than the {LIST_BYTES:,} of any list"
            )
        try:
            text = self.file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("POOL", str(self.file), f"cannot be read ({error})") from None
        if (lines := text.count("\n")) > LIST_LINES:
            remedy = "divide it into several pools"
            raise InputError(
                "POOL", str(self.file), f"has {lines:,} lines, more than {LIST_LINES:,}", remedy=remedy
            )
        if self.file.suffix != ".csv":
            return [path for line in text.split("\n") if (path := line.strip())]
        try:
            rows = csv.DictReader(StringIO(text, newline=""))
            if "path" not in (rows.fieldnames or ()):
                raise InputError(
                    "POOL", str(self.file), "has no column `path`", remedy="name it in the first line"
                )
            return [path for row in rows if (path := (row["path"] or "").strip())]
        except csv.Error as error:
            raise InputError("POOL", str(self.file), f"is no CSV ({error})") from None


@dataclass(frozen=True)
class ParquetPool(_OneFile):
    """The rows of a Parquet file whose column `image` holds encoded images, bare or as Hugging Face writes them."""

    def places(self) -> list[Place]:
        """See `Pool`: one place a row.

        Raises:
            InputError: a file that is not Parquet, has no column `image` with encoded images, or unpacks to far more
                than images can.
        """
        rows = open_images(self.file).metadata.num_rows
        size, changed = self.file.stat().st_size, self.file.stat().st_mtime_ns
        return [Place(f"{self.file.name}#{row:09d}", size, changed) for row in range(rows)]

    def read(self, path: str) -> bytes:
        """See `Pool`."""
        data = parquet_rows(self.file).read(int(path.rpartition("#")[2]))
        refuse_large_image(len(data))
        return data
