"""Phones' HEIC images: read where the extra is installed, listed with the remedy where not, and read once it is."""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dalbt_ray.data.decoding import BadImageError
from dalbt_ray.data.prepare.conversion import convert, header_size
from dalbt_ray.data.prepare.image_formats import NO_HEIC_READER, formats
from dalbt_ray.query.image_blocks import ImageBlocks
from dalbt_ray.query.looking import embed_unread
from dalbt_ray.query.pool_places import FolderPool
from dalbt_ray.results.storage.local_disk import LocalStorage


class MeanColor:
    """A model of three features; what embedding needs of `FrozenEmbedding`."""

    model = "mean color"
    preprocessing = SimpleNamespace(side=8)

    def build(self):  # noqa: D102
        return lambda images: images.mean(axis=(1, 2), dtype=np.float32)


def heic(turned: int = 1) -> bytes:
    """Left half red, right half blue, 24 pixels high and 32 wide before it is turned."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="needs the extra heic")
    pillow_heif.register_heif_opener()
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:, :16, 0] = pixels[:, 16:, 2] = 200
    exif, file = Image.Exif(), BytesIO()
    exif[0x0112] = turned
    Image.fromarray(pixels).save(file, "HEIF", quality=95, exif=exif.tobytes())
    return file.getvalue()


@pytest.fixture
def without_reader() -> Iterator[pytest.MonkeyPatch]:
    """As if the extra were not installed, until `undo`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pillow_heif", None)
        formats.cache_clear()
        yield patch
    formats.cache_clear()


def test_it_is_read_and_turned() -> None:
    """As the file says: at orientation 6, what was left comes up."""
    data = heic(turned=6)
    found = convert(data)
    assert header_size(data) == found.pixels.shape[:2] == (32, 24)
    assert not found.storable
    upper, lower = found.pixels[:14].mean(axis=(0, 1)), found.pixels[18:].mean(axis=(0, 1))
    np.testing.assert_allclose(upper, (200, 0, 0), atol=15)
    np.testing.assert_allclose(lower, (0, 0, 200), atol=15)


def test_what_is_damaged_is_refused() -> None:
    """At every length, also one that ends within the pixels."""
    data = heic()
    for length in (20, len(data) // 2, len(data) - 40):
        with pytest.raises(BadImageError):
            convert(data[:length])


def test_without_the_reader_the_remedy_is_named(without_reader: pytest.MonkeyPatch) -> None:
    """The first bytes tell what it is."""
    with pytest.raises(BadImageError, match=r"pip install 'dalbt-ray\[heic\]'"):
        convert(b"\0\0\0\x1cftypheic" + bytes(100))


def test_a_pool_reads_them_once_the_reader_is_there(
    tmp_path: Path, without_reader: pytest.MonkeyPatch
) -> None:
    """Listed as unreadable first; then read, though the file did not change, and only once."""
    without_reader.undo()
    formats.cache_clear()
    (tmp_path / "IMG_1.HEIC").write_bytes(heic())
    blocks = ImageBlocks(LocalStorage(tmp_path / ".dalbt"), "key")
    without_reader.setitem(sys.modules, "pillow_heif", None)
    formats.cache_clear()
    for _ in range(2):
        (file,) = embed_unread(FolderPool(tmp_path), blocks, MeanColor(), print).files
        assert file.problem == NO_HEIC_READER
    without_reader.undo()
    formats.cache_clear()
    for _ in range(2):
        (file,) = embed_unread(FolderPool(tmp_path), blocks, MeanColor(), print).files
        assert file.problem == ""
    ids, features = blocks.features()
    assert ids == [file.id]
    np.testing.assert_allclose(features[0].astype(float), (100, 0, 100), atol=10)
