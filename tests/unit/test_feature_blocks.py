"""The kept features: blocks, damage, a death on the way, and what a key depends on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.embedding.embed_blocks import BlockToEmbed, embed_missing, file_to_embed, run_here
from dalbt_ray.data.embedding.embedded_set import embedded_image_set
from dalbt_ray.data.embedding.embedding import Embed, Embedding
from dalbt_ray.data.embedding.feature_blocks import BLOCK, Block, FeatureBlocks
from dalbt_ray.data.image_set import ImageSetFiles, load_image_set
from dalbt_ray.data.split_file import SetMetadata
from dalbt_ray.data.split_writing import write_split


def means(images: np.ndarray) -> np.ndarray:
    """Two features: mean and largest pixel."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    return np.stack([flat.mean(axis=1), flat.max(axis=1)], axis=1)


@dataclass(frozen=True)
class Means(Embedding):
    """An embedding that anyone can compute."""

    version: int = 1

    @property
    def identity(self) -> dict[str, Any]:
        """Its version."""
        return {"model": "means", "version": self.version}

    def build(self) -> Embed:
        """The function."""
        return means


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with a set of 2,300 training and 40 test images, and a cache folder elsewhere."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 2_300), ("test", 40)):
        images = rng.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
        images[0] = 7  # the same in both
        path = tmp_path / "data" / "own" / f"{split}.parquet"
        metadata = SetMetadata(class_names=("a", "b"))
        write_split(path, np.arange(count), map(encode_png, images), np.arange(count) % 2, metadata)
    return tmp_path / "data"


def blocks_of(root: Path) -> FeatureBlocks:
    """Where the training images' features are kept."""
    return file_to_embed(
        root / "own" / "train.parquet", (8, 8, 1), Means(), root, root.parent / "cache"
    ).blocks


def test_features_stand_for_the_images_in_order(root: Path) -> None:
    """What `means` says of the decoded images, centered and scaled; labels, ids and repeats as of the pixels."""
    plain = load_image_set("own", "", root)
    said: list[str] = []
    found = embedded_image_set(
        ImageSetFiles.find("own", "", root), Means(), root, root.parent / "cache", say=said.append
    )
    raw = means(plain.images.take(np.arange(2_300))).astype(np.float64)
    scale = np.sqrt(((raw - raw.mean(axis=0)) ** 2).sum(axis=1).mean())
    features = found.images.take(np.arange(2_300)).reshape(-1, 2)
    # A rotation of the centered and scaled features: equal inner products, and uncorrelated columns, the widest first.
    centered = (raw - raw.mean(axis=0)) / scale
    np.testing.assert_allclose(features @ features.T, centered @ centered.T, rtol=1e-4, atol=1e-3)
    spread = features.T @ features / len(features)
    np.testing.assert_allclose(spread, np.diag(np.diag(spread)), atol=1e-4)
    assert spread[0, 0] > spread[1, 1]
    test = (means(plain.test_images) - raw.mean(axis=0)) / scale
    np.testing.assert_allclose(
        found.test_images.reshape(-1, 2) @ features.T, test @ centered.T, rtol=1e-4, atol=1e-3
    )
    assert (found.test_in_train, plain.test_in_train) == (1, 1)
    assert found.images.shape == (1, 1, 2)
    assert found.data_hash == plain.data_hash
    np.testing.assert_array_equal(found.labels, plain.labels)
    assert said[0].startswith("features of 2340 images by means: 2340 to embed")


def test_a_second_time_embeds_nothing_and_says_so(root: Path) -> None:
    """The same bits, from the kept blocks alone."""
    files = ImageSetFiles.find("own", "", root)
    first = embedded_image_set(files, Means(), root, root.parent / "cache")
    said: list[str] = []

    def refuse(embedding: Embedding, todo: Sequence[BlockToEmbed]) -> Iterator[tuple[BlockToEmbed, Block]]:
        raise AssertionError("nothing is missing")

    second = embedded_image_set(files, Means(), root, root.parent / "cache", run=refuse, say=said.append)
    assert first.features_sha256 == second.features_sha256
    assert said == ["features of 2340 images by means: all kept from before, 0 to embed"]


def test_what_dies_in_the_middle_goes_on_there(root: Path) -> None:
    """Of three blocks the first is kept; the next try asks for the other two only."""
    file = file_to_embed(root / "own" / "train.parquet", (8, 8, 1), Means(), root, root.parent / "cache")

    def dying(embedding: Embedding, todo: Sequence[BlockToEmbed]) -> Iterator[tuple[BlockToEmbed, Block]]:
        yield from list(run_here(embedding, todo[:1]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_missing([file], Means(), dying, print)
    assert file.blocks.missing() == [1, 2]
    assert embed_missing([file], Means(), run_here, print) == 2_300 - BLOCK


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another"])
def test_a_damaged_block_is_done_again(root: Path, damage: str) -> None:
    """Torn, altered or foreign files are not taken for features."""
    files = ImageSetFiles.find("own", "", root)
    first = embedded_image_set(files, Means(), root, root.parent / "cache")
    one, other = blocks_of(root).folder / "00001.parquet", blocks_of(root).folder / "00002.parquet"
    content = one.read_bytes()
    middle = len(content) // 2
    one.write_bytes(
        {
            "cut": content[:middle],
            "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "empty": b"",
            "another": other.read_bytes(),
        }[damage]
    )
    assert blocks_of(root).missing() == [1]
    assert (
        embedded_image_set(files, Means(), root, root.parent / "cache").features_sha256
        == first.features_sha256
    )


def test_the_key_tells_models_and_images_apart(root: Path) -> None:
    """Other weights or preprocessing, other images, another shape: other folders."""
    train = root / "own" / "train.parquet"
    folders = {
        file_to_embed(train, (8, 8, 1), Means(), root, root.parent / "cache").blocks.folder,
        file_to_embed(
            train, (8, 8, 1), replace(Means(), version=2), root, root.parent / "cache"
        ).blocks.folder,
        file_to_embed(train, (8, 8, 3), Means(), root, root.parent / "cache").blocks.folder,
        file_to_embed(
            root / "own" / "test.parquet", (8, 8, 1), Means(), root, root.parent / "cache"
        ).blocks.folder,
    }
    assert len(folders) == 4
    assert all(folder.parent == root / ".features" for folder in folders)


def test_embedded_sets_are_kept_in_the_cache(root: Path, tmp_path: Path) -> None:
    """The package's own folder is nobody's to write to."""
    files = ImageSetFiles.find("fashion_mini", "", root)
    kept = file_to_embed(files.train, files.shape, Means(), root, root.parent / "cache").blocks.folder
    assert kept.parent == tmp_path / "cache" / ".features"
