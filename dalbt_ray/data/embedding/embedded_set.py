"""An image set whose images are feature vectors, so that trials need not know the difference."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.data.embedding.embed_blocks import (
    FileToEmbed,
    Runner,
    Say,
    embed_missing,
    file_to_embed,
    run_here,
)
from dalbt_ray.data.embedding.embedding import Embedding
from dalbt_ray.data.image_set import (
    ArrayImages,
    Images,
    ImageSet,
    ImageSetFiles,
    described_image_set,
    load_image_set,
)

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Form:
    """A translation, a rotation and one scale.

    Attributes:
        center: float32[d].
        axes: float32[d, k], orthonormal columns over the scale.
    """

    center: Tensor
    axes: Tensor

    @classmethod
    def of(cls, features: Features, dimensions: int = 0) -> "Form":
        """The one that centers float32[n, d], turns it to its principal axes and makes its mean squared length 1.

        Only the widest `dimensions` axes stay, all with 0; the scale is that of all.
        """
        with _one_thread():
            center = torch.from_numpy(features.mean(axis=0, dtype=np.float64).astype(np.float32))
            centered = torch.from_numpy(features) - center
            covariance = (centered.T @ centered).double() / len(features)
            axes = torch.linalg.eigh(covariance).eigenvectors.flip(1)[:, : dimensions or None]
            length = covariance.trace().sqrt()
            return cls(center, (axes / (length if length > 0 else 1.0)).float())

    def __call__(self, features: Features) -> Features:
        """float32[n, d] to float32[n, k]."""
        with _one_thread():
            result: Features = ((torch.from_numpy(features) - self.center) @ self.axes).numpy()
        return result


@contextmanager
def _one_thread() -> Iterator[None]:
    """The last bits of a product depend on it, and the driver of a sweep on Ray has more than a trial has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def embedded_image_set(
    files: ImageSetFiles,
    embedding: Embedding,
    data_root: Path | None,
    cache: Path,
    *,
    run: Runner = run_here,
    say: Say = lambda _: None,
    share: Callable[[Features], Images] = ArrayImages,
) -> ImageSet:
    """The image set of `files` with float32[n, 1, 1, d] in the place of pixels; embeds what is not kept yet.

    Features come in a form that suits every method: the mean of the training images' is taken off, one number makes
    their mean squared length 1 (so one regularization fits models of any scale), and they are rotated to the training
    images' principal axes, the widest first (solvers need a third of the steps). Angles at the mean and ratios of
    distances stay what they are. No label takes part.

    Args:
        files: what to embed.
        embedding: the model.
        data_root: see `file_to_embed`.
        cache: see `file_to_embed`.
        run: who embeds.
        say: told how it goes.
        share: where the features of training and OOD images are kept.

    Raises:
        InputError: damaged data, or weights that cannot be used.
    """
    paths = (*files.pool_files, files.test)
    needed = [file_to_embed(path, files.shape, embedding, data_root, cache) for path in paths]
    embed_missing(needed, embedding, run, say)
    pool, digests = _read(needed[:-1])
    test, test_digests = _read(needed[-1:])
    form = Form.of(pool[: needed[0].blocks.images], embedding.dimensions)
    pool, test = form(pool), form(test)
    for features in (pool, test):
        features.flags.writeable = False
    image_set = described_image_set(
        files, share(_as_images(pool)), _as_images(test), digests=digests, test_digests=test_digests
    )
    return replace(image_set, features_sha256=sha256(pool.tobytes() + test.tobytes()).hexdigest())


def training_form(files: ImageSetFiles, embedding: Embedding, data_root: Path | None, cache: Path) -> Form:
    """The form that the features of `embedded_image_set` have; embeds what is not kept of the training images.

    Raises:
        InputError: see `embedded_image_set`.
    """
    train = file_to_embed(files.train, files.shape, embedding, data_root, cache)
    embed_missing([train], embedding, run_here, lambda _: None)
    return Form.of(_read([train])[0], embedding.dimensions)


def load_images(
    dataset: str,
    ood: str,
    embedding: Embedding | None,
    data_root: Path | None,
    cache: Path,
    say: Say = lambda _: None,
) -> ImageSet:
    """A data set, with an OOD one unless `ood` is empty, in memory: pixels, or features where there is an `embedding`.

    Raises:
        InputError: see `load_image_set` and `embedded_image_set`.
    """
    if embedding is None:
        return load_image_set(dataset, ood, data_root)
    return embedded_image_set(
        ImageSetFiles.find(dataset, ood, data_root), embedding, data_root, cache, say=say
    )


def _as_images(features: Features) -> Features:
    """float32[n, d] as float32[n, 1, 1, d]."""
    return features[:, None, None, :]


def _read(files: list[FileToEmbed]) -> tuple[Features, list[bytes]]:
    """The features of all files, one after the other, and the digests of their images' pixels."""
    total, start = sum(file.blocks.images for file in files), 0
    features: Features | None = None
    digests: list[bytes] = []
    for file in files:
        for block in file.blocks.read():
            if features is None:
                features = np.empty((total, block.features.shape[1]), np.float32)
            features[start : start + len(block.features)] = block.features
            start += len(block.features)
            digests += block.digests
    assert features is not None  # files have rows
    return features, digests
