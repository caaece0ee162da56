"""Stores that refuse everything end a command; what one URI lacks is that image's own trouble."""

from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
from fsspec import AbstractFileSystem

from dalbt_ray.errors import InputError
from dalbt_ray.query.image_blocks import ImageBlocks
from dalbt_ray.query.looking import embed_unread
from dalbt_ray.query.pool_places import open_pool
from dalbt_ray.query.remote_images import read_uri
from dalbt_ray.results.storage.local_disk import LocalStorage


class Locked(AbstractFileSystem):
    """A store whose library raises errors of its own, as botocore does without credentials."""

    protocol = "locked"

    def cat_file(self, path: str, *_: object, **__: object) -> bytes:
        """Never."""
        raise RuntimeError("unable to locate credentials")


def test_a_store_that_refuses_everything_ends_the_command(tmp_path: Path) -> None:
    """With what to check; no image is listed as unreadable."""
    fsspec.register_implementation("locked", Locked, clobber=True)
    (tmp_path / "list.txt").write_text("\n".join(f"locked://bucket/{place}.png" for place in range(20)))
    blocks = ImageBlocks(LocalStorage(tmp_path / "state"), "key")
    model = SimpleNamespace(model="none", preprocessing=SimpleNamespace(side=8), build=lambda: None)
    with pytest.raises(InputError, match=r"unable to locate credentials\); check address"):
        embed_unread(open_pool(str(tmp_path / "list.txt")), blocks, model, print)
    assert blocks.files() == []


def test_what_is_missing_is_an_ordinary_error() -> None:
    """As on a disk, so that the image is listed and the command goes on."""
    fsspec.filesystem("memory").pipe_file("/photos/there.png", b"bytes")
    assert read_uri("memory://photos/there.png") == b"bytes"
    with pytest.raises(FileNotFoundError):
        read_uri("memory://photos/missing.png")
