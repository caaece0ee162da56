"""Results on a file system: local disk or NFS. Staged, fsynced, renamed into place.

A rename is atomic but durable only after the fsync of its folder, and data must reach the disk before its name does;
the order of the calls below is the whole protocol.
"""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

from dalbt_ray.errors import InputError
from dalbt_ray.results.storage.protocol import JSON_BYTES
from dalbt_ray.results.storage.sealed import DamagedError

STAGING = "staging"
STALE_AFTER = 60.0
"""Seconds. A file is staged for milliseconds; one older than this belongs to a writer that crashed."""

FOLDER_ATTEMPTS = 10
"""A journal's folder is removed when its trial is published. Another process that writes there then tries again."""

STALE_ATTEMPTS = 3
"""An NFS client may hold on to a file that another one has replaced (ESTALE); opened again it is the new one."""

_NO_HARD_LINKS = {errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class LocalStorage:
    """A `Storage` in the directory `root`."""

    root: Path

    @property
    def location(self) -> str:
        """The directory."""
        return str(self.root)

    def prepare(self) -> None:
        """See `Storage`."""
        try:
            self._make_folder(self.root)
            probe = self._stage("probe", b"")
            probe.unlink()
        except (FileExistsError, NotADirectoryError) as error:
            blocker = next(path for path in (self.root, *self.root.parents) if path.exists())
            raise InputError(
                "results",
                self.location,
                f"is not a folder: {blocker} is a file",
                remedy="name another folder",
            ) from error
        except OSError as error:
            if error.errno in _FULL:
                raise
            raise InputError(
                "results", self.location, f"cannot be written: {error.strerror}", remedy="name another folder"
            ) from error

    def read(self, name: str, at_most: int = JSON_BYTES) -> bytes:
        """See `Storage`."""
        for _ in range(STALE_ATTEMPTS - 1):
            try:
                return _read(self._path(name), at_most)
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
        return _read(self._path(name), at_most)

    def write(self, name: str, data: bytes) -> None:
        """See `Storage`."""
        self._place(name, data, _replace)

    def create(self, name: str, data: bytes) -> bool:
        """See `Storage`."""
        return self._place(name, data, _link)

    def delete(self, name: str) -> None:
        """See `Storage`."""
        path = self._path(name)
        path.unlink(missing_ok=True)
        # Also when it was gone: anyone who removed it may have died before this.
        with suppress(FileNotFoundError):
            self._sync_folder(path.parent)

    def delete_folder(self, name: str) -> None:
        """See `Storage`. A link is removed, not followed."""
        path = self._path(name)
        if path.is_symlink():
            path.unlink()
            return
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            pass  # it was not there, or another writer is removing it
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            # Somebody wrote there just now; the next start removes what is left of published trials.

    def move(self, name: str, target: str) -> None:
        """See `Storage`."""
        old, new = self._path(name), self._path(target)
        self._make_folder(new.parent)
        os.replace(old, new)  # noqa: PTH105
        self._sync_folder(new.parent)
        self._sync_folder(old.parent)

    def entries(self, folder: str) -> list[str]:
        """See `Storage`."""
        try:
            with os.scandir(self._path(folder)) as found:
                return sorted(entry.name + "/" * entry.is_dir(follow_symlinks=False) for entry in found)
        except FileNotFoundError:
            return []
        except (NotADirectoryError, PermissionError) as error:
            raise InputError(
                "results", self.location, f"cannot be read: {error.strerror}", remedy="name another folder"
            ) from error

    def sweep(self) -> int:
        """See `Storage`."""
        # A file made now tells the time by the file server's clock, which need not be ours.
        probe = self._stage("probe", b"")
        now = probe.stat().st_mtime
        probe.unlink()
        swept = 0
        with os.scandir(self.root / STAGING) as found:
            for entry in found:
                with suppress(FileNotFoundError):
                    if now - entry.stat(follow_symlinks=False).st_mtime > STALE_AFTER:
                        Path(entry.path).unlink()
                        swept += 1
        return swept

    def _path(self, name: str) -> Path:
        """The place of `name`, which never leads out of the root: not by `..`, not by a link on the way."""
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/"):
            raise InputError("results", name, "leads out of the results folder")
        folder = self.root
        for part in parts[:-1]:
            folder = folder / part
            if folder.is_symlink():
                raise InputError("results", str(folder), "is a link", remedy="replace it by a real folder")
        return folder / parts[-1] if parts else self.root

    def _place(self, name: str, data: bytes, move: Callable[[Path, Path], bool]) -> bool:
        """Stage `data`, `move` it to its name, and make both durable; what `move` says."""
        target = self._path(name)
        with self._room_for(target, data):
            staged = self._stage(target.name, data)
            try:
                placed = self._into_folder(staged, target, move)
            finally:
                staged.unlink(missing_ok=True)
            # Also when the name was taken: anyone who made it may have died before this.
            with suppress(FileNotFoundError):  # the folder was cleared since: there is nothing to keep
                self._sync_folder(target.parent)
            return placed

    def _into_folder(self, staged: Path, target: Path, move: Callable[[Path, Path], bool]) -> bool:
        """Make the target's folder and `move`; again if another writer clears that folder between the two."""
        for attempt in range(FOLDER_ATTEMPTS):
            try:
                self._make_folder(target.parent)
                return move(staged, target)
            except FileNotFoundError:
                if attempt == FOLDER_ATTEMPTS - 1 or not staged.exists():
                    raise
        raise AssertionError("unreachable")

    def _stage(self, label: str, data: bytes) -> Path:
        """A complete file in the staging folder, its bytes on the disk."""
        staged = self._path(f"{STAGING}/{uuid4().hex}-{label}")
        self._make_folder(staged.parent)
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
        return staged

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir()
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file, not a folder", str(folder))
        self._sync_folder(folder.parent)

    @staticmethod
    def _sync_folder(folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _room_for(self, target: Path, data: bytes) -> Iterator[None]:
        """Say what a full disk needs, in place of the system's bare words."""
        try:
            yield
        except OSError as error:
            if error.errno not in _FULL:
                raise
            free = shutil.disk_usage(self.root).free
            raise OSError(
                error.errno,
                f"{error.strerror}: needs {len(data):,} bytes, {free:,} are free; "
                "nothing was damaged: make room and run the same command again",
                str(target),
            ) from error


def _read(path: Path, at_most: int) -> bytes:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise DamagedError("is no file but a link, a folder or a device")
    # Once more when it is open, and without waiting for a pipe: somebody may exchange it between the two.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise DamagedError("is no file but a pipe or a device")
        if found.st_size > at_most:
            raise DamagedError(f"has {found.st_size:,} bytes; no more than {at_most:,} can be right")
        return file.read(at_most)


def _replace(staged: Path, target: Path) -> bool:
    os.replace(staged, target)  # noqa: PTH105
    return True


def _link(staged: Path, target: Path) -> bool:
    """Give the staged file its final name unless that name is taken; whether it was free."""
    try:
        os.link(staged, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Without hard links (FAT, some cluster file systems) there is a moment between the question and the rename.
        if target.exists():
            return False
        os.replace(staged, target)  # noqa: PTH105
    return True
