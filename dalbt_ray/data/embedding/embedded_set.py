"""An image set whose images are feature vectors, so that trials need not know the difference."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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


def embedded_image_set(
    files: ImageSetFiles,
    embedding: Embedding,
    data_root: Path | None,
    *,
    run: Runner = run_here,
    say: Say = lambda _: None,
    share: Callable[[Features], Images] = ArrayImages,
) -> ImageSet:
    """The image set of `files` with float32[n, 1, 1, d] in the place of pixels; embeds what is not kept yet.

    The mean of the training images' features is taken off all of them, and one number makes their mean squared length
    1: rotations and distances stay what they are, and one regularization fits models of any scale.

    Args:
        files: what to embed.
        embedding: the model.
        data_root: see `file_to_embed`.
        run: who embeds.
        say: told how it goes.
        share: where the features of training and OOD images are kept.

    Raises:
        InputError: damaged data, or weights that cannot be used.
    """
    paths = (*files.pool_files, files.test)
    needed = [file_to_embed(path, files.shape, embedding, data_root) for path in paths]
    embed_missing(needed, embedding, run, say)
    pool, digests = _read(needed[:-1])
    test, test_digests = _read(needed[-1:])
    own = pool[: needed[0].blocks.images]
    center = own.mean(axis=0, dtype=np.float64).astype(np.float32)
    pool -= center
    scale = np.float32(np.sqrt(np.einsum("nd,nd->", own, own, dtype=np.float64) / len(own)) or 1.0)
    pool /= scale
    test = (test - center) / scale
    for features in (pool, test):
        features.flags.writeable = False
    image_set = described_image_set(
        files, share(_as_images(pool)), _as_images(test), digests=digests, test_digests=test_digests
    )
    return replace(image_set, features_sha256=sha256(pool.tobytes() + test.tobytes()).hexdigest())


def load_images(
    dataset: str,
    ood: str,
    embedding: Embedding | None,
    data_root: Path | None,
    say: Say = lambda _: None,
) -> ImageSet:
    """A data set, with an OOD one unless `ood` is empty, in memory: pixels, or features where there is an `embedding`.

    Raises:
        InputError: see `load_image_set` and `embedded_image_set`.
    """
    if embedding is None:
        return load_image_set(dataset, ood, data_root)
    return embedded_image_set(ImageSetFiles.find(dataset, ood, data_root), embedding, data_root, say=say)


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
