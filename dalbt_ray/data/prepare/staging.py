"""A place where a set is made, so that it appears whole and a failure leaves the data root as it was."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def staging_folder(data_root: Path, name: str) -> Iterator[Path]:
    """A new folder on the file system of `data_root`; whatever is left in it at the end is deleted.

    Folders that had to be made for it, the data root included, go too if they are empty then; no other folder does.
    """
    folder = data_root / ".staging" / f"{name}-{os.getpid()}"
    with no_empty_folders(folder):
        try:
            folder.mkdir(parents=True)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def no_empty_folders(folder: Path) -> Iterator[None]:
    """Afterwards, `folder` and those above it are gone if they are empty and were not there before."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    finally:
        for path in missing:
            with suppress(OSError):  # it holds something, or is not there
                path.rmdir()
