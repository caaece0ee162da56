"""A small file that claims to be a large one is refused before it is unpacked."""

import os
import resource
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dalbt_ray.data import bounds
from dalbt_ray.data.bounds import IMAGE_FILE_BYTES, refuse_beyond_memory
from dalbt_ray.data.column_batches import AT_ONCE, MOST_VALUES
from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.split_file import SCHEMA, SetMetadata, encoded_batches, read_labels, read_metadata
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.errors import InputError
from tests.user_folders import flat, prepare, three_classes

PNG = encode_png(np.zeros((8, 8, 1), np.uint8))


def write(path: Path, labels: list[int], metadata: dict[str, str] | None = None) -> Path:
    """A file of our form with any labels and metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"id": range(len(labels)), "image": [PNG] * len(labels), "label": labels}
    pq.write_table(pa.table(columns, SCHEMA.with_metadata(metadata or {})), path)
    return path


def test_rows_that_no_images_fit_into(tmp_path: Path) -> None:
    """A million rows of the same value take some kilobytes, and would take 100 times as much memory."""
    path = tmp_path / "train.parquet"
    count = 1_000_000
    same = pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([PNG]))
    columns = [
        pa.array(np.zeros(count, np.int64)),
        same.cast(pa.binary()),
        pa.array(np.zeros(count, np.int32)),
    ]
    pq.write_table(pa.table(columns, SCHEMA), path, compression="zstd")
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="claims 1,000,000 rows"):
        read_labels(path)


def test_a_file_that_unpacks_to_far_more(tmp_path: Path) -> None:
    """300 MB of zeros pack to some kilobytes."""
    path = tmp_path / "train.parquet"
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=False) as writer:
        for row in range(10):
            zeros = [bytes(30_000_000)]
            writer.write_table(pa.table({"id": [row], "image": zeros, "label": [0]}, SCHEMA))
    with pytest.raises(InputError, match="would unpack"):
        read_labels(path)


def test_metadata_larger_than_any_set_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The length stands at the end of the file: nothing else of it is read."""
    monkeypatch.setattr(bounds, "FOOTER_BYTES", 100_000)
    path = write(tmp_path / "train.parquet", [0], {"notes": "x" * 200_000})
    with pytest.raises(InputError, match="bytes of metadata"):
        read_metadata(path)


@pytest.mark.parametrize(
    "metadata",
    [
        {"class_names": "[" * 100_000},
        {"class_names": "[" + "1," * 2_000_000 + "1]"},
        {"input_shape": "[1000000, 1000000, 3]"},
        {"input_shape": "[28, 28, 2]"},
        {"input_shape": "[28]"},
        {"input_shape": "{}x"},
    ],
)
def test_metadata_that_mean_nothing(tmp_path: Path, metadata: dict[str, str]) -> None:
    """Nested without end, millions of names, or a shape that no image has."""
    with pytest.raises(InputError, match="unreadable metadata"):
        read_metadata(write(tmp_path / "train.parquet", [0], metadata))


def test_a_label_of_a_million_makes_no_network(tmp_path: Path) -> None:
    """Without class names, the highest label alone said how many outputs a network has."""
    for split in ("train", "test"):
        write(tmp_path / "own" / f"{split}.parquet", [0, 1, 1_000_000])
    with pytest.raises(InputError, match="labels out of range"):
        load_image_set("own", "", tmp_path)


def test_a_sparse_image_is_not_read(tmp_path: Path) -> None:
    """10 GB that take no place on the disk."""
    folder = three_classes(tmp_path)
    with next(folder.rglob("*.png")).open("r+b") as file:
        file.truncate(10 * 2**30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="an image may have"):
        prepare(folder, tmp_path / "root")
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < IMAGE_FILE_BYTES


def test_a_pipe_among_the_data_is_refused(tmp_path: Path) -> None:
    """It would be waited for without end."""
    (tmp_path / "own").mkdir()
    write(tmp_path / "own" / "train.parquet", [0])
    os.mkfifo(tmp_path / "own" / "pipe.parquet")
    with pytest.raises(InputError, match="no regular file"):
        read_labels(tmp_path / "own" / "pipe.parquet")


def test_a_link_out_of_the_folder_is_noted(tmp_path: Path) -> None:
    """The image is used; that it lies elsewhere is said."""
    folder = three_classes(tmp_path)
    (folder / "train" / "cat" / "linked.png").symlink_to(flat(tmp_path) / "0.png")
    (note,) = [note for note in prepare(folder, tmp_path / "root").notes if "links" in note]
    assert "train/cat/linked.png" in note


def test_images_beyond_the_memory_of_the_machine() -> None:
    """A million images of 256x256 RGB are 183 GiB."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    refuse_beyond_memory(Path("x"), 1_000, (28, 28, 1))
    with pytest.raises(InputError, match="GiB"):
        refuse_beyond_memory(Path("x"), there // (256 * 256 * 3) + 1, (256, 256, 3))


def understated(data: bytes) -> bytes:
    """The Parquet file with a footer that claims one unpacked byte for each column; see `bombs.modest`."""
    found = pq.ParquetFile(pa.BufferReader(data)).metadata.row_group(0)
    sizes = {found.column(each).total_uncompressed_size for each in range(found.num_columns)}
    head, tail = (
        data[: -int.from_bytes(data[-8:-4], "little") - 8],
        data[-int.from_bytes(data[-8:-4], "little") - 8 :],
    )
    for size in {*sizes, found.total_byte_size}:
        parts = [2 * size >> shift & 127 for shift in range(0, 64, 7) if 2 * size >> shift]
        true = bytes([*(part | 128 for part in parts[:-1]), parts[-1]])
        tail = tail.replace(true, bytes([130, *[128] * (len(true) - 2), 0]))
    return head + tail


def test_a_footer_that_understates_is_not_believed(tmp_path: Path) -> None:
    """The pages' own headers say what they unpack to."""
    path = tmp_path / "train.parquet"
    columns = {"id": range(3), "image": [bytes(30_000_000)] * 3, "label": [0] * 3}
    pq.write_table(pa.table(columns, SCHEMA), path, compression="zstd", use_dictionary=False)
    path.write_bytes(understated(path.read_bytes()))
    assert pq.read_metadata(path).row_group(0).total_byte_size == 1
    with pytest.raises(InputError, match="would unpack"):
        read_labels(path)


def test_one_page_that_takes_too_much(tmp_path: Path) -> None:
    """Beside noise, which lets the file be large; a large page that is as large in the file is read."""
    path = tmp_path / "train.parquet"
    noise = np.random.default_rng(0).bytes(70_000_000)
    columns = {"id": range(2), "image": [noise, bytes(70_000_000)], "label": [0, 0]}
    pq.write_table(
        pa.table(columns, SCHEMA), path, compression="zstd", use_dictionary=False, row_group_size=1
    )
    with pytest.raises(InputError, match=r"a page of [0-9,]+ bytes that would unpack to 70,"):
        read_labels(path)
    pq.write_table(pa.table(columns, SCHEMA).slice(0, 1), path, compression="zstd", use_dictionary=False)
    assert len(read_labels(path)[0]) == 1


def test_one_value_that_many_rows_name_is_refused_on_the_way(tmp_path: Path) -> None:
    """A dictionary makes 5 GB of 5 MB; a little is read before it shows, and never much at once."""
    path = tmp_path / "train.parquet"
    same = pa.DictionaryArray.from_arrays(np.zeros(1_000, np.int32), pa.array([bytes(5_000_000)]))
    columns = [pa.array(np.arange(1_000)), same, pa.array(np.zeros(1_000, np.int32))]
    pq.write_table(pa.table(columns, names=SCHEMA.names), path, compression="zstd", store_schema=False)
    seen: list[list[int]] = []
    with pytest.raises(InputError, match="again and again"):
        seen.extend([len(image) for image in batch] for batch in encoded_batches(path))
    assert 0 < len(seen) < 20
    assert max(map(sum, seen)) <= AT_ONCE


def test_batches_are_in_order_and_whole(tmp_path: Path) -> None:
    """Whatever the row groups; a null has no bytes."""
    path = tmp_path / "train.parquet"
    rng = np.random.default_rng(0)
    images = [None if row % 7 == 0 else rng.bytes(int(rng.integers(1, 60_000))) for row in range(2_500)]
    columns = {"id": range(2_500), "image": images, "label": [0] * 2_500}
    pq.write_table(pa.table(columns, SCHEMA), path, row_group_size=900)
    batches = list(encoded_batches(path))
    assert [image for batch in batches for image in batch] == [image or b"" for image in images]
    assert max(map(len, batches)) <= MOST_VALUES


def test_a_set_that_names_its_classes_may_have_more(tmp_path: Path) -> None:
    """1,001 of them."""
    names = tuple(map(str, range(1_001)))
    path = tmp_path / "train.parquet"
    write_split(path, np.arange(2), [PNG, PNG], np.array([0, 1_000]), SetMetadata(class_names=names))
    assert read_labels(path)[1].tolist() == [0, 1_000]
