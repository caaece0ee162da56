"""Reading and embedding a pool: what is read again after a kill, a change, a copy."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dalbt_ray.query.image_blocks import BLOCK, ImageBlocks
from dalbt_ray.query.known_images import known_images
from dalbt_ray.query.looking import embed_unread, look
from dalbt_ray.query.pool_places import FolderPool
from dalbt_ray.results.storage.local_disk import LocalStorage


class FirstPixels:
    """A model of four features; what embedding needs of `FrozenEmbedding`."""

    model = "first pixels"
    preprocessing = SimpleNamespace(side=8)

    def build(self):  # noqa: D102
        return lambda images: images.reshape(len(images), -1)[:, :4].astype(np.float32)


@dataclass(frozen=True)
class WatchedPool(FolderPool):
    """Counts what is read, and is killed at one file."""

    dies_at: str = ""
    reads: Counter[str] = field(default_factory=Counter)

    def read(self, path: str) -> bytes:
        """The file, or the end."""
        self.reads[path] += 1
        if path == self.dies_at:
            raise KeyboardInterrupt
        return super().read(path)


def write(path: Path, number: int) -> None:
    """A small picture that no other number has."""
    pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def test_a_kill_costs_at_most_one_block(tmp_path: Path) -> None:
    """Two blocks and one file: killed in the second block, the first is kept and not read again."""
    for number in range(2 * BLOCK + 1):
        write(tmp_path / f"{number:05d}.png", number)
    blocks = ImageBlocks(LocalStorage(tmp_path / ".dalbt"), "key")
    with pytest.raises(KeyboardInterrupt):
        embed_unread(
            WatchedPool(tmp_path, dies_at=f"{BLOCK + 7:05d}.png"), blocks, FirstPixels(), lambda _: None
        )
    assert len(blocks.features()[0]) == BLOCK
    again = WatchedPool(tmp_path)
    found = embed_unread(again, blocks, FirstPixels(), lambda _: None)
    assert sum(again.reads.values()) == BLOCK + 1
    assert len(set(blocks.features()[0])) == len(found.files) == 2 * BLOCK + 1


def test_only_what_is_new_or_changed_is_read(tmp_path: Path) -> None:
    """A copy and a renamed file are read, since their bytes must be compared, and not embedded again."""
    for number in range(3):
        write(tmp_path / f"{number}.png", number)
    blocks = ImageBlocks(LocalStorage(tmp_path / ".dalbt"), "key")
    embed_unread(FolderPool(tmp_path), blocks, FirstPixels(), lambda _: None)
    before = blocks.features()[0]
    (tmp_path / "0.png").rename(tmp_path / "renamed.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "1.png").read_bytes())
    write(tmp_path / "2.png", 77)
    os.utime(tmp_path / "2.png", ns=(1, 1))
    pool = WatchedPool(tmp_path)
    found = embed_unread(pool, blocks, FirstPixels(), lambda _: None)
    assert sorted(pool.reads) == ["2.png", "copy.png", "renamed.png"]
    images = known_images(blocks, found)
    assert images.ids[:3] == tuple(before)
    assert len(images.ids) == 4
    assert sorted(filter(None, images.paths)) == ["1.png", "2.png", "renamed.png"]
    assert list(images.copies.values()) == [["copy.png"]]
    assert int(images.present.sum()) == 3
    assert not look(pool, blocks).unread
