"""Get a known set by torchvision's own downloader and convert it once to our form."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.catalog import KNOWN_SETS, KnownSet
from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.sources import SPLITS
from dalbt_ray.data.split_file import SetMetadata, write_split
from dalbt_ray.errors import InputError

SILENCE = 30.0  # seconds without a byte after which a connection counts as dead


def prepare_known(name: str, data_root: Path) -> list[Path]:
    """Download what is missing of a known set and convert it; returns the files written.

    A split that is there stays as it is. Downloads lie in `<root>/.downloads/<name>` until both splits are
    converted, so an interrupted run goes on with the files that are complete (torchvision checks their MD5).

    Raises:
        InputError: the download failed, or the data root cannot be written; no part of a split is left behind.
    """
    known = KNOWN_SETS[name]
    targets = {split: data_root / name / f"{split}.parquet" for split in SPLITS}
    missing = {split: path for split, path in targets.items() if not path.is_file()}
    raw = data_root / ".downloads" / name
    source = f"{known.title}, by torchvision"
    metadata = SetMetadata(source, known.licence, known.class_names, known.shape)
    for split, path in missing.items():
        try:
            images, labels = _fetch(known, split, raw)
            write_split(path, np.arange(len(labels)), map(encode_png, images), labels, metadata)
        except (OSError, RuntimeError, HTTPException) as error:
            remove_if_empty(raw, stop=data_root.parent)
            reason = " ".join(str(error).split())
            raise InputError(
                "dataset",
                name,
                f"could not be prepared: {reason[:300]}",
                remedy=f"check the network and run it again, or put {path} there yourself, "
                "or use the embedded fashion_mini",
            ) from None
    shutil.rmtree(raw, ignore_errors=True)
    remove_if_empty(raw.parent, stop=data_root)
    return list(missing.values())


def read_torchvision(known: KnownSet, split: str, raw: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8[n, h, w, c] and labels int64[n] of one split, downloaded by torchvision's class.

    Args:
        known: which set.
        split: `train` or `test`.
        raw: the folder for torchvision's files; those that are there and whole are not fetched again.

    Raises:
        RuntimeError, OSError: torchvision's own.
    """
    from torchvision import datasets

    wanted: dict[str, Any] = (
        {"train": split == "train"} if known.split_argument == "train" else {"split": split}
    )
    dataset = getattr(datasets, known.torchvision)(raw, download=True, **wanted)
    images = np.empty((len(dataset), *known.shape), np.uint8)
    labels = np.empty(len(dataset), np.int64)
    for row in range(len(dataset)):
        image, labels[row] = dataset[row]  # a PIL image, whatever the set's own layout is
        images[row] = np.asarray(image).reshape(known.shape)
    return images, labels


def remove_if_empty(folder: Path, stop: Path) -> None:
    """Remove `folder` and its parents below `stop` as far as they hold no files."""
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        _remove_empty(path)
    while folder != stop and stop in folder.parents and _remove_empty(folder):
        folder = folder.parent


def _remove_empty(folder: Path) -> bool:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return not folder.exists()


def _fetch(known: KnownSet, split: str, raw: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    # torchvision takes an unpacked idx file as complete, though a kill may have cut it off: unpack it again.
    for unpacked in raw.glob("*/raw/*-ubyte"):
        unpacked.unlink()
    raw.mkdir(parents=True, exist_ok=True)
    with _impatient():
        return read_torchvision(known, split, raw)


@contextmanager
def _impatient() -> Iterator[None]:
    """Let no connection wait for ever: torchvision sets no time limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
