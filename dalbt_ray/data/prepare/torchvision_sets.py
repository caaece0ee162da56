"""Get a known set by torchvision's own downloader and convert it once to our form."""

import hashlib
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.catalog import KNOWN_SETS, KnownSet
from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.prepare.staging import no_empty_folders, staging_folder
from dalbt_ray.data.seal import write_seal
from dalbt_ray.data.sources import SPLITS
from dalbt_ray.data.split_file import SetMetadata
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.errors import InputError

SILENCE = 30.0  # seconds without a byte after which a connection counts as dead


def prepare_known(name: str, data_root: Path) -> list[Path]:
    """Download what is missing of a known set and convert it; returns the files written.

    A split that is there stays as it is. Downloads lie in `<root>/.downloads/<name>` until the set is whole; a run that
    failed or was killed leaves those there that arrived whole (torchvision's MD5 sums tell), and the next one goes on
    with them. Apart from that a failure leaves the data root as it was.

    Raises:
        InputError: the download failed, or the data root cannot be written; no split is written then.
    """
    known = KNOWN_SETS[name]
    targets = {split: data_root / name / f"{split}.parquet" for split in SPLITS}
    missing = {split: path for split, path in targets.items() if not path.is_file()}
    if not missing:
        return []
    try:
        _prepare(known, missing, data_root / ".downloads" / name)
    except (OSError, RuntimeError, HTTPException) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            "dataset",
            name,
            f"could not be prepared: {reason[:300]}",
            remedy=f"check the network and run it again, or put {next(iter(missing.values()))} there yourself, "
            "or use the embedded fashion_mini",
        ) from None
    return list(missing.values())


def _prepare(known: KnownSet, missing: dict[str, Path], raw: Path) -> None:
    """Write the missing splits, all or none, by way of `raw`, the folder for downloads."""
    metadata = SetMetadata(f"{known.title}, by torchvision", known.licence, known.class_names, known.shape)
    data_root, name = raw.parent.parent, raw.name
    with staging_folder(data_root, name) as staging, _downloads(known, raw):
        for split in missing:
            images, labels = read_torchvision(known, split, raw)
            staged = staging / f"{split}.parquet"
            write_split(staged, np.arange(len(labels)), map(encode_png, images), labels, metadata)
        for split, path in missing.items():
            path.parent.mkdir(exist_ok=True)
            (staging / f"{split}.parquet").replace(path)
        write_seal(data_root / name)
        shutil.rmtree(raw)
    with suppress(OSError):  # another set's downloads are there
        raw.parent.rmdir()


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


@contextmanager
def _downloads(known: KnownSet, raw: Path) -> Iterator[None]:
    """A folder for torchvision's files, patient with no dead connection, that keeps whole downloads only.

    Half files are deleted before too: a kill may have cut one off, and torchvision takes an unpacked one as whole.
    """
    with no_empty_folders(raw):
        _delete_half_files(known, raw)
        raw.mkdir(parents=True, exist_ok=True)
        try:
            with _impatient():
                yield
        finally:
            _delete_half_files(known, raw)


def _delete_half_files(known: KnownSet, raw: Path) -> None:
    """Delete what is not a whole download, and the folders that are empty then."""
    sums = _download_sums(known)
    for path in sorted(raw.rglob("*"), reverse=True):  # what is in a folder before the folder
        if path.is_dir():
            with suppress(OSError):  # it holds a whole download
                path.rmdir()
        elif file_md5(path) not in sums:
            path.unlink()


def _download_sums(known: KnownSet) -> set[str]:
    """The MD5 sums of the files that torchvision downloads for a set, as its class states them."""
    from torchvision import datasets

    dataset = getattr(datasets, known.torchvision)
    if hasattr(dataset, "resources"):  # MNIST and its likes
        return {md5 for _, md5 in dataset.resources}
    if hasattr(dataset, "tgz_md5"):  # CIFAR
        return {dataset.tgz_md5}
    return {md5 for _, _, md5 in dataset.split_list.values()}  # SVHN


def file_md5(path: Path) -> str:
    """Hex MD5 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def _impatient() -> Iterator[None]:
    """Let no connection wait for ever: torchvision sets no time limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
