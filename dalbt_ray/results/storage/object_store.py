"""Results in an object store, by fsspec: an object appears whole or not at all, and there is no rename."""

import errno
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from uuid import uuid4

import fsspec

from dalbt_ray.errors import InputError
from dalbt_ray.results.storage.outages import http_status, patiently
from dalbt_ray.results.storage.protocol import JSON_BYTES
from dalbt_ray.results.storage.sealed import DamagedError

T = TypeVar("T")


@dataclass(frozen=True)
class RemoteStorage:
    """A `Storage` under the URI `location`; `create` is a conditional put where the store has it (S3, GCS)."""

    location: str

    @cached_property
    def _fs(self) -> Any:
        try:
            return fsspec.core.url_to_fs(self.location)[0]
        except (ValueError, ImportError, TypeError) as error:
            raise InputError(
                "results",
                self.location,
                f"cannot be opened: {error}",
                remedy="pip install 'dalbt-ray[s3]' for S3",
            ) from error

    def prepare(self) -> None:
        """See `Storage`."""
        probe = f"staging/{uuid4().hex}-probe"
        try:
            self.write(probe, b"")
            self.delete(probe)
        except OSError as error:
            raise InputError(
                "results", self.location, f"cannot be written: {error}", remedy="check bucket and credentials"
            ) from error

    def read(self, name: str, at_most: int = JSON_BYTES) -> bytes:
        """See `Storage`."""
        path = self._path(name)
        try:
            data = bytes(self._ask(lambda: self._fs.cat_file(path, start=0, end=at_most + 1)))
        except OSError as error:
            if http_status(error) != 416:  # "range not satisfiable": there is not even a first byte
                raise
            return b""
        if len(data) > at_most:
            raise DamagedError(f"has more bytes than the {at_most:,} that can be right")
        return data

    def write(self, name: str, data: bytes) -> None:
        """See `Storage`."""
        self._ask(lambda: self._fs.pipe_file(self._path(name), data))

    def create(self, name: str, data: bytes) -> bool:
        """See `Storage`."""
        try:
            self._ask(lambda: self._fs.pipe_file(self._path(name), data, mode="create"))
        except FileExistsError:
            return False
        except OSError as error:
            # s3fs reports "412 Precondition Failed", somebody else's object is there, as EINVAL in some versions.
            if error.errno == errno.EINVAL and self._fs.exists(self._path(name)):
                return False
            raise
        return True

    def delete(self, name: str) -> None:
        """See `Storage`."""
        with suppress(FileNotFoundError):
            self._ask(lambda: self._fs.rm_file(self._path(name)))

    def delete_folder(self, name: str) -> None:
        """See `Storage`."""
        self._fs.invalidate_cache()
        with suppress(FileNotFoundError):
            self._ask(lambda: self._fs.rm(self._path(name), recursive=True))

    def move(self, name: str, target: str) -> None:
        """See `Storage`. Copied, then deleted."""
        self._fs.invalidate_cache()
        self._ask(lambda: self._fs.mv(self._path(name), self._path(target), recursive=True))

    def entries(self, folder: str) -> list[str]:
        """See `Storage`."""
        self._fs.invalidate_cache()
        path = self._path(folder)
        try:
            found = self._ask(lambda: self._fs.ls(path, detail=True))
        except FileNotFoundError:
            return []
        names = ((entry["name"].rstrip("/").rsplit("/", 1)[-1], entry["type"]) for entry in found)
        return sorted(name + "/" * (kind == "directory") for name, kind in names)

    def sweep(self) -> int:
        """See `Storage`. There is nothing half-written: an upload that broke off left no object."""
        return 0

    def _ask(self, call: Callable[[], T]) -> T:
        return patiently(call, self.location)

    def _path(self, name: str) -> str:
        if ".." in name.split("/") or name.startswith("/"):
            raise InputError("results", name, "leads out of the results folder")
        root = str(self._fs._strip_protocol(self.location))
        return f"{root}/{name}" if name else root
