"""The Parquet form: what is written is read back, and every damaged file is one line that names it."""

import io
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dalbt_ray.data.decoding import BadImageError, decode_batch, encode_png
from dalbt_ray.data.split_file import (
    ROWS_PER_GROUP,
    SCHEMA,
    SetMetadata,
    file_sha256,
    read_files,
    read_labels,
    read_metadata,
    read_split,
)
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.errors import InputError
from tests.user_folders import encoded, pictures

RNG = np.random.default_rng(0)
METADATA = SetMetadata("drawn", "none", ("null", "eins", "zwö"), (9, 10, 3))


def write(path: Path, encoded: list[bytes], labels: list[int] | None = None) -> Path:
    """A split with ids 100, 101, ..."""
    n = len(encoded)
    write_split(path, 100 + np.arange(n), encoded, np.array(labels or [0] * n), METADATA)
    return path


def refusal(path: Path, **options: Any) -> str:
    """The message with which a file is refused."""
    with pytest.raises(InputError) as error:
        read_split(path, **options)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


@given(n=st.integers(1, 9), h=st.integers(8, 20), w=st.integers(8, 20), c=st.sampled_from([1, 3]))
def test_png_and_back(n: int, h: int, w: int, c: int) -> None:
    """Encoding and decoding give the same pixels in every shape, from lists and from NumPy's object arrays."""
    images = pictures(n, (h, w, c))
    encoded = [encode_png(image) for image in images]
    np.testing.assert_array_equal(decode_batch(encoded), images)
    np.testing.assert_array_equal(decode_batch(np.array(encoded, dtype=object)), images)  # type: ignore[arg-type]


def test_jpeg_is_decoded_as_pillow_does() -> None:
    """JPEG, gray and RGB, gives what Pillow's own array conversion gives."""
    for image in (Image.fromarray(pictures(1)[0]), Image.fromarray(pictures(1)[0, :, :, 0])):
        data = encoded(image, "JPEG")
        expected = np.asarray(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(decode_batch([data])[0], expected.reshape(9, 10, -1))


def test_a_split_survives_the_disk(tmp_path: Path) -> None:
    """More rows than a row group: ids, labels, pixels, metadata and hash come back, and nothing else is left."""
    n = ROWS_PER_GROUP + 7
    images, labels = pictures(n, (8, 8, 1)), RNG.integers(-1, 3, n)
    path = tmp_path / "a b" / "sét" / "train.parquet"
    write_split(path, np.arange(n)[::-1].copy(), map(encode_png, images), labels, METADATA)
    found = read_split(path)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.ids, np.arange(n)[::-1])
    assert found.labels.dtype == np.int32
    assert found.ids.dtype == np.int64
    assert (found.name, found.split, found.sha256) == ("sét", "train", file_sha256(path))
    assert read_metadata(path) == METADATA
    assert pq.read_schema(path).equals(SCHEMA)
    assert [p.name for p in path.parent.iterdir()] == ["train.parquet"]


def test_file_names_and_notes_survive_the_disk(tmp_path: Path) -> None:
    """Over more than a row group, null as unknown; a set without names has no such column and reads as unknown."""
    n = ROWS_PER_GROUP + 7
    names = [f"ordner ü/{i}.jpg" if i % 3 else None for i in range(n)]
    encoded = [encode_png(pictures(1, (8, 8, 1))[0])] * n
    path, noted = tmp_path / "train.parquet", replace(METADATA, notes=("one", "zwö"))
    write_split(path, np.arange(n), encoded, np.zeros(n, int), noted, names)
    assert read_files(path) == [name or "" for name in names]
    assert read_metadata(path) == noted
    assert pq.read_schema(path).field("file").type == pa.string()
    assert len(read_split(path).images) == n
    assert read_files(write(path, encoded[:2])) == ["", ""]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two writes of one split are equal byte for byte, so hashes identify data."""
    encoded = [encode_png(image) for image in pictures(5)]
    assert (
        write(tmp_path / "a.parquet", encoded).read_bytes()
        == write(tmp_path / "b.parquet", encoded).read_bytes()
    )


def test_a_failing_write_leaves_the_old_file(tmp_path: Path) -> None:
    """An error half-way leaves what was there, and no staged file."""
    path = write(tmp_path / "train.parquet", [encode_png(pictures(1)[0])])
    before = path.read_bytes()
    with pytest.raises(pa.ArrowException):
        write(path, [b"x", 7])  # type: ignore[list-item]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["train.parquet"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty (0 bytes)"),
        (b"PAR2" + bytes(100), "is damaged or no Parquet file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "is damaged or no Parquet file"),
    ],
)
def test_files_that_are_not_parquet_are_refused(tmp_path: Path, data: bytes, words: str) -> None:
    """0 bytes, a wrong magic number, another format."""
    path = tmp_path / "train.parquet"
    path.write_bytes(data)
    assert words in refusal(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message says that it does not exist."""
    assert "does not exist" in refusal(tmp_path / "train.parquet")


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    """Every truncation is refused without a traceback of another kind."""
    path = write(tmp_path / "train.parquet", [encode_png(image) for image in pictures(3)])
    whole = path.read_bytes()
    for length in range(1, len(whole), 97):
        path.write_bytes(whole[:length])
        assert str(path) in refusal(path)


def test_bytes_overwritten_inside_are_refused(tmp_path: Path) -> None:
    """A footer that is whole over damaged pages: refused with the file's name, never another error."""
    path = write(tmp_path / "train.parquet", [encode_png(image) for image in pictures(30)])
    whole = bytearray(path.read_bytes())
    whole[40:400] = bytes(360)
    path.write_bytes(whole)
    assert str(path) in refusal(path)


def bad_images() -> dict[str, tuple[bytes, str]]:
    """Image files that our form does not allow, and what is said of them."""
    rgb = Image.fromarray(pictures(1)[0])
    png = encoded(rgb, "PNG")
    deep = Image.fromarray(RNG.integers(0, 65535, (9, 10), np.uint16))
    deep_rgb = bytearray(encoded(Image.fromarray(pictures(1, (9, 10, 3))[0]), "PNG"))
    deep_rgb[24] = 16
    return {
        "cmyk": (encoded(rgb.convert("CMYK"), "JPEG"), "has mode CMYK"),
        "deep gray": (encoded(deep, "PNG"), "16 bits per channel"),
        "deep rgb": (bytes(deep_rgb), "16 bits per channel"),
        "alpha": (encoded(rgb.convert("RGBA"), "PNG"), "has mode RGBA"),
        "palette": (encoded(rgb.quantize(8), "PNG"), "has mode P"),
        "truncated": (png[: len(png) // 2], "cannot be decoded"),
        "text": (b"hello", "is no image file (PNG, JPEG can be read)"),
        "nothing": (b"", "has no bytes"),
        "gif": (encoded(rgb, "GIF"), "is no image file"),
        "another size": (encode_png(pictures(1, (9, 11, 3))[0]), "is 9x11 RGB, not 9x10 RGB like the others"),
        "gray among color": (encode_png(pictures(1, (9, 10, 1))[0]), "is 9x10 gray, not 9x10 RGB"),
        "small": (encode_png(pictures(1, (7, 10, 3))[0]), "7x10 pixels; each side must be 8 to 256"),
        "large": (encode_png(pictures(1, (9, 257, 3))[0]), "9x257 pixels; each side must be 8 to 256"),
    }


@pytest.mark.parametrize("kind", bad_images())
def test_a_bad_image_is_named_by_its_id(tmp_path: Path, kind: str) -> None:
    """One bad image among good ones, even in a later row group, is refused with file, row id and reason."""
    data, words = bad_images()[kind]
    good = encode_png(pictures(1)[0])
    path = write(tmp_path / "train.parquet", [good] * (ROWS_PER_GROUP + 1) + [data])
    message = refusal(path)
    assert words in message
    assert f"id {100 + ROWS_PER_GROUP + 1} " in message
    assert "dalbt data prepare FOLDER" in message


def test_bad_image_errors_travel_between_processes() -> None:
    """A pickled error keeps position and problem: Ray Data's workers raise it far from the driver."""
    error = pickle.loads(pickle.dumps(BadImageError(3, "is blank")))
    assert (error.position, error.problem, str(error)) == (3, "is blank", "image 3 of the batch is blank")


def test_labels_out_of_range_are_refused(tmp_path: Path) -> None:
    """Below -1, or at least the number of classes: from the file's metadata, or as the caller says."""
    encoded = [encode_png(image) for image in pictures(3)]
    path = write(tmp_path / "train.parquet", encoded, [0, 3, 1])
    assert "1 labels out of range, the first being 3 at id 101; labels must be -1 (unknown) to 2" in refusal(
        path
    )
    assert read_labels(path, classes=4)[1].tolist() == [0, 3, 1]
    path = write(path, encoded, [0, -2, 1])
    assert "the first being -2 at id 101" in refusal(path, classes=10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": pa.array(["a", "b"])}, "has column 'label' as string, not int32"),
        ({"id": pa.array([0.0, 1.0])}, "has column 'id' as double, not int64"),
        ({"image": pa.array([[1], [2]])}, "has column 'image' as list"),
        ({"label": None}, "has no column 'label'"),
        ({"label": pa.array([1, None], pa.int32())}, "has nulls in column 'label'"),
        ({"id": pa.array([4, 4])}, "repeats an id"),
        ({"image": pa.array([b"", None])}, "has no bytes"),
        ({"file": pa.array([1, 2])}, "has column 'file' as int64, not string"),
    ],
)
def test_wrong_columns_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """A wrong type, a missing column, nulls and repeated ids each have their own message."""
    columns: dict[str, Any] = {
        "id": pa.array([0, 1]),
        "image": pa.array([encode_png(image) for image in pictures(2)]),
        "label": pa.array([0, 1], pa.int32()),
    }
    kept = {name: column for name, column in {**columns, **change}.items() if column is not None}
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table(kept), path)
    assert words in refusal(path)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    """An empty table is no set."""
    path = tmp_path / "train.parquet"
    pq.write_table(SCHEMA.empty_table(), path)
    assert "has no rows" in refusal(path)


def test_unreadable_metadata_is_refused(tmp_path: Path) -> None:
    """Metadata that is not JSON is named, not ignored."""
    path = tmp_path / "train.parquet"
    pq.write_table(SCHEMA.empty_table().replace_schema_metadata({"class_names": "[oops"}), path)
    with pytest.raises(InputError, match="unreadable metadata"):
        read_metadata(path)
