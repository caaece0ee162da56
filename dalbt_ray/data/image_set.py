"""All images that the trials of one data set share: the set's training images, then the OOD ones."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.bounds import refuse_beyond_memory
from dalbt_ray.data.decoding import Shape
from dalbt_ray.data.mixing import describe_fit, fit_images
from dalbt_ray.data.seal import check_seal
from dalbt_ray.data.sources import find_set
from dalbt_ray.data.split_file import (
    decoded_batches,
    file_sha256,
    read_files,
    read_labels,
    stored_shape,
)
from dalbt_ray.errors import InputError


class Images(Protocol):
    """Images by row, wherever they are kept: uint8 pixels, or float32[n, 1, 1, d], features of a frozen model."""

    @property
    def shape(self) -> Shape:
        """(height, width, channels) of every image."""

    def __len__(self) -> int:
        """Number of images."""

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """[b, h, w, c], a copy of the images at `rows` (int64[b]), in that order."""

    def batches(self, size: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """First row and [b, h, w, c] of each run of `size` images (the last may be shorter)."""


@dataclass(frozen=True)
class ArrayImages:
    """Images in memory.

    Attributes:
        array: [n, h, w, c]; never written to.
    """

    array: NDArray[Any]

    @property
    def shape(self) -> Shape:
        """(height, width, channels) of every image."""
        return self.array.shape[1], self.array.shape[2], self.array.shape[3]

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """[b, h, w, c], a copy of the images at `rows`."""
        return self.array[rows]

    def batches(self, size: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """First row and a view of each run of `size` images."""
        for first in range(0, len(self.array), size):
            yield first, self.array[first : first + size]


@dataclass(frozen=True)
class ImageSetFiles:
    """The files of an image set, hashed, before an image is decoded.

    Attributes:
        sources: names of the data set and of the OOD set; the latter empty for none.
        train, test: the data set's files.
        ood: the file that OOD images come from, or None.
        shape: (height, width, channels) that every image is brought to, the data set's.
        class_names: of the data set, in label order.
        data_hash: hex SHA-256 over the files' SHA-256 and the shape: part of every trial's identity.
    """

    sources: tuple[str, str]
    train: Path
    test: Path
    ood: Path | None
    shape: Shape
    class_names: tuple[str, ...]
    data_hash: str

    @classmethod
    def find(cls, dataset: str, ood: str, data_root: Path | None) -> "ImageSetFiles":
        """Find and hash the files of `dataset`, and of the OOD set `ood` unless it is empty.

        Raises:
            InputError: see `find_set`; `dataset` lacks a split; or a file is not what was sealed.
        """
        own = find_set(dataset, data_root)
        train, test = own.both_splits()
        ood_file = find_set(ood, data_root).ood_split if ood else None
        paths = [path for path in (train, test, ood_file) if path]
        hashes = [file_sha256(path) for path in paths]
        for path, digest in zip(paths, hashes, strict=True):
            check_seal(path, digest)
        identity = json.dumps([*hashes, list(own.input_shape)])
        return cls(
            sources=(dataset, ood),
            train=train,
            test=test,
            ood=ood_file,
            shape=own.input_shape,
            class_names=own.class_names,
            data_hash=sha256(identity.encode()).hexdigest(),
        )

    @property
    def pool_files(self) -> tuple[Path, ...]:
        """The files whose rows, in this order, are the image_set."""
        return (self.train, self.ood) if self.ood else (self.train,)


@dataclass(frozen=True)
class ImageSet:
    """All images that the trials of one data set share, read-only.

    Attributes:
        images: n images: every training image of the data set, then every image of the OOD set.
        labels: int32[n], -1 for OOD images.
        in_distribution_count: how many of them are own.
        sample_ids: int64[n], each image's id in its set.
        sources: names of the data set and of the OOD set; the latter empty for none.
        test_images: uint8[t, h, w, c], or features as in `Images`.
        test_labels: int32[t].
        classes: number of classes.
        class_names: in label order.
        data_hash: hex SHA-256 of what went in, see `ImageSetFiles`.
        test_in_train: test images whose pixels equal a training image's.
        ood_in_train: OOD images whose pixels equal a training image's: OOD by name only.
        conversion: what was done to images of another shape, as text; empty for nothing.
        files: by row, the relative name that the image's file had when the set was prepared, empty where it is
            not known; None if no image has one.
        features_sha256: hex digest of the features where these stand for images; empty for pixels.
    """

    images: Images
    labels: NDArray[np.int32]
    in_distribution_count: int
    sample_ids: NDArray[np.int64]
    sources: tuple[str, str]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int32]
    classes: int
    class_names: tuple[str, ...]
    data_hash: str
    test_in_train: int
    ood_in_train: int
    conversion: str
    files: tuple[str, ...] | None = None
    features_sha256: str = ""


def load_image_set(dataset: str, ood: str = "", data_root: Path | None = None) -> ImageSet:
    """Read a data set, and an OOD one unless `ood` is empty, into memory.

    Raises:
        InputError: a set that is unknown, missing, incomplete or damaged.
    """
    files = ImageSetFiles.find(dataset, ood, data_root)
    return build_image_set(files, ArrayImages(read_images(files.pool_files, files.shape)))


def build_image_set(files: ImageSetFiles, images: Images) -> ImageSet:
    """The image_set of `files`, whose pool images are kept in `images`, wherever that is.

    Raises:
        InputError: a damaged file, labels out of range, or an in-distribution image without a label.
    """
    test_images = read_images((files.test,), files.shape)
    digests = [pixel_digest(image) for _, batch in images.batches(1_000) for image in batch]
    return described_image_set(
        files, images, test_images, digests=digests, test_digests=[pixel_digest(each) for each in test_images]
    )


def described_image_set(
    files: ImageSetFiles,
    images: Images,
    test_images: NDArray[Any],
    *,
    digests: list[bytes],
    test_digests: list[bytes],
) -> ImageSet:
    """Images, or features of them, with all that the files say of them.

    Args:
        files: where labels, ids and names are.
        images: every training image, then every OOD one.
        test_images: [t, h, w, c].
        digests: of the pixels of `images`, as `pixel_digest` gives them.
        test_digests: of the test images' pixels.

    Raises:
        InputError: see `build_image_set`.
    """
    classes = len(files.class_names)
    train_ids, train_labels = _fully_labeled(files.train, classes)
    _, test_labels = _fully_labeled(files.test, classes)
    ood_ids = read_labels(files.ood)[0] if files.ood else np.empty(0, np.int64)
    own = set(digests[: len(train_ids)])
    names = tuple(name for path in files.pool_files for name in read_files(path))
    described = (describe_fit(stored_shape(path), files.shape) for path in files.pool_files)
    return ImageSet(
        images=images,
        labels=np.concatenate([train_labels, np.full(len(ood_ids), -1, np.int32)]),
        in_distribution_count=len(train_ids),
        sample_ids=np.concatenate([train_ids, ood_ids]),
        sources=files.sources,
        test_images=test_images,
        test_labels=test_labels,
        classes=classes,
        class_names=files.class_names,
        data_hash=files.data_hash,
        test_in_train=sum(digest in own for digest in test_digests),
        ood_in_train=sum(digest in own for digest in digests[len(train_ids) :]),
        conversion="; ".join(filter(None, described)),
        files=names if any(names) else None,
    )


def read_images(paths: tuple[Path, ...], shape: Shape) -> NDArray[np.uint8]:
    """Every image of the files, one file after the other, brought to `shape`: read-only uint8[n, *shape].

    Takes the memory of the result and of one batch.
    """
    ids = [read_labels(path)[0] for path in paths]
    refuse_beyond_memory(paths[0], sum(map(len, ids)), shape)
    images = np.empty((sum(map(len, ids)), *shape), np.uint8)
    start = 0
    for path, file_ids in zip(paths, ids, strict=True):
        for row, batch in decoded_batches(path, file_ids):
            images[start + row : start + row + len(batch)] = fit_images(batch, shape)
        start += len(file_ids)
    images.flags.writeable = False
    return images


def _fully_labeled(path: Path, classes: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    ids, labels = read_labels(path, classes=classes)
    unknown = ids[labels == -1]
    if len(unknown):
        raise InputError(
            "data file",
            str(path),
            f"has {len(unknown)} images without a label, the first with id {unknown[0]}",
            remedy="a sweep needs every label; as an OOD source (ood) the set can be used as it is",
        )
    return ids, labels


def pixel_digest(image: NDArray[np.uint8]) -> bytes:
    """16 bytes that are equal for equal pixels."""
    return blake2b(image.tobytes(), digest_size=16).digest()
