"""The temporary folder of one sweep on Ray: closed to other users, and cleared away even if its driver was killed.

Ray gives the folder that it is told to use the mode 0777, whatever it was before. So it gets a folder inside one that
only its owner may enter: nobody else can list it, write to it, or reach the sockets in it.
"""

import fcntl
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

PREFIX = "dalbt-"
ALIVE = "alive"
"""A file that the driver holds locked for as long as it lives."""

KEPT = "kept"
"""A file that says: someone may want to read the logs here."""

KEPT_DAYS = 7
LONGEST_ROOT = 24
"""Bytes of the path above, at most: the path of a Unix socket has to stay below 108."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder for this process, mode 0700; removed at the end unless `keep` was called for it.

    Folders of this user that killed drivers left behind are removed first, with Ray's processes that still use them.
    """
    root = Path(_short_temporary_folder())
    remove_abandoned(root)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))  # 0700
    lock = os.open(folder / f"{ALIVE}.new", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / f"{ALIVE}.new").rename(folder / ALIVE)  # it appears locked
        yield folder
    finally:
        if not (folder / KEPT).exists():
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def keep(folder: Path) -> None:
    """Leave the folder behind for `KEPT_DAYS` days; the first sweep after that removes it."""
    (folder / KEPT).touch()


def remove_abandoned(root: Path) -> list[Path]:
    """Remove this user's sweep folders in `root` whose driver is dead; which they were."""
    removed = []
    for folder in sorted(root.glob(f"{PREFIX}*")):
        with suppress(OSError):  # another sweep of ours removes it, too
            if _is_ours(folder) and _is_abandoned(folder):
                for process in _processes_of(folder):
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return removed


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder, no link to one, and made by this user: others may write to `root` as well."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def _is_abandoned(folder: Path) -> bool:
    """Whether nobody holds the lock, and nobody asked to keep it, or long ago. Without a lock file it is left alone."""
    kept = folder / KEPT
    if kept.exists() and time() - kept.stat().st_mtime < KEPT_DAYS * 86_400:
        return False
    try:
        lock = os.open(folder / ALIVE, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _processes_of(folder: Path) -> list[int]:
    """Processes of this user that Ray started in `folder`: its agents look for their head for up to two minutes."""
    found = []
    mark = os.fsencode(folder) + b"/"
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            command = (entry / "cmdline").read_bytes()
            if mark in command and b"ray" in command and entry.stat().st_uid == os.geteuid():
                found.append(int(entry.name))
    return found


def _short_temporary_folder() -> str:
    """A folder whose path leaves room for Ray's sockets."""
    usual = tempfile.gettempdir()
    return usual if usual.isascii() and len(usual) <= LONGEST_ROOT else "/tmp"  # noqa: S108 - see `private_folder`
