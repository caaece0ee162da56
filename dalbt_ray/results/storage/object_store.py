"""Results in an object store, by fsspec: an object appears whole or not at all, and there is no rename."""

import errno
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from uuid import uuid4

import fsspec

from dalbt_ray.errors import InputError

T = TypeVar("T")

_BUSY = {errno.EBUSY, errno.EIO, errno.EAGAIN, errno.ECONNRESET, getattr(errno, "EREMOTEIO", errno.EIO)}
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each new try when the store is busy: 8 s in all, then the error is passed on."""


@dataclass(frozen=True)
class RemoteStorage:
    """A `Storage` under the URI `location`; `create` is a conditional put where the store has it (S3, GCS)."""

    location: str

    @cached_property
    def _fs(self) -> Any:
        try:
            return fsspec.core.url_to_fs(self.location)[0]
        except (ValueError, ImportError) as error:
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

    def read(self, name: str) -> bytes:
        """See `Storage`."""
        return bytes(_patiently(lambda: self._fs.cat_file(self._path(name))))

    def write(self, name: str, data: bytes) -> None:
        """See `Storage`."""
        _patiently(lambda: self._fs.pipe_file(self._path(name), data))

    def create(self, name: str, data: bytes) -> bool:
        """See `Storage`."""
        try:
            _patiently(lambda: self._fs.pipe_file(self._path(name), data, mode="create"))
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
            _patiently(lambda: self._fs.rm_file(self._path(name)))

    def delete_folder(self, name: str) -> None:
        """See `Storage`."""
        self._fs.invalidate_cache()
        with suppress(FileNotFoundError):
            _patiently(lambda: self._fs.rm(self._path(name), recursive=True))

    def move(self, name: str, target: str) -> None:
        """See `Storage`. Copied, then deleted."""
        self._fs.invalidate_cache()
        _patiently(lambda: self._fs.mv(self._path(name), self._path(target), recursive=True))

    def entries(self, folder: str) -> list[str]:
        """See `Storage`."""
        self._fs.invalidate_cache()
        path = self._path(folder)
        try:
            found = _patiently(lambda: self._fs.ls(path, detail=True))
        except FileNotFoundError:
            return []
        names = ((entry["name"].rstrip("/").rsplit("/", 1)[-1], entry["type"]) for entry in found)
        return sorted(name + "/" * (kind == "directory") for name, kind in names)

    def sweep(self) -> int:
        """See `Storage`. There is nothing half-written: an upload that broke off left no object."""
        return 0

    def _path(self, name: str) -> str:
        if ".." in name.split("/") or name.startswith("/"):
            raise InputError("results", name, "leads out of the results folder")
        root = str(self._fs._strip_protocol(self.location))
        return f"{root}/{name}" if name else root


def _patiently(call: Callable[[], T]) -> T:
    """Call again when the store is busy (503, 409), a few times."""
    for pause in _PAUSES:
        try:
            return call()
        except OSError as error:
            if error.errno not in _BUSY and not isinstance(error, TimeoutError):
                raise
        time.sleep(pause)
    return call()
