"""A user's own Parquet files: labels as text or numbers, file names, and what cannot be used."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.sources import find_set
from dalbt_ray.data.split_file import read_files, read_split
from tests.user_folders import notes, picture, prepare, refusal


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root that does not exist yet."""
    return tmp_path / "data"


def parquet(
    path: Path, n: int, label: Any, image: Any = None, metadata: dict[str, str] | None = None
) -> None:
    """A user's Parquet file with n random images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = [encode_png(np.asarray(picture())) for _ in range(n)]
    table = pa.table({"image": image or encoded, "label": label})
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_parquet_with_labels_as_text(tmp_path: Path, root: Path) -> None:
    """Text becomes numbers in alphabetical order, over both splits, and the mapping is kept and shown."""
    parquet(tmp_path / "in" / "train.parquet", 4, ["dog", "cat", "dog", "ape"])
    parquet(tmp_path / "in" / "test.parquet", 2, ["cat", "dog"])
    done = prepare(tmp_path / "in", root)
    assert read_split(root / "own" / "train.parquet").labels.tolist() == [2, 1, 2, 0]
    assert read_split(root / "own" / "test.parquet").labels.tolist() == [1, 2]
    assert "labels as text were mapped to numbers" in notes(done)
    assert "0=ape, 1=cat, 2=dog" in str(done)


def test_parquet_with_numbers_keeps_them(tmp_path: Path, root: Path) -> None:
    """Integer labels stay, gaps are reported, and images in a struct's field `bytes` are found."""
    images = [{"bytes": encode_png(np.asarray(picture())), "path": "x"} for _ in range(5)]
    parquet(tmp_path / "in" / "any name.parquet", 5, [0, 0, 0, 2, 2], images)
    done = prepare(tmp_path / "in", root)
    assert done.class_names == ("0", "1", "2")
    assert "classes without any image: 1" in notes(done)
    assert sorted(read_split(root / "own" / "train.parquet").labels) == [0, 0, 2]


def test_parquet_without_labels_is_an_ood_source(tmp_path: Path, root: Path) -> None:
    """Labels of -1 are allowed with a note, and the set can join a pool."""
    parquet(tmp_path / "in" / "train.parquet", 5, [-1] * 5, metadata={"class_names": '["a", "b"]'})
    assert "5 images have no label" in notes(prepare(tmp_path / "in", root))
    assert find_set("own", root).class_names == ("a", "b")
    assert load_image_set("fashion_mini", "own", root).in_distribution_count == 10_000


@pytest.mark.parametrize(
    ("label", "image", "metadata", "words"),
    [
        ([0, 1, 5], None, {"class_names": '["a", "b"]'}, "1 labels out of range, the first being 5"),
        ([0, 1, -2], None, None, "the first being -2"),
        ([0, 1, 10**6], None, None, "labels must be -1 (unknown) to 999"),
        ([0.0, 1.0, 2.0], None, None, "has column 'label' as double"),
        ([0, None, 1], None, None, "1 nulls in column 'label'"),
        ([0, 1, 1], ["a", "b", "c"], None, "has column 'image' as string"),
        ([0, 1, 1], [b"x", b"", b"z"], None, "train.parquet row 0 is no image file"),
    ],
)
def test_parquet_that_cannot_be_used_is_refused(
    tmp_path: Path, root: Path, label: Any, image: Any, metadata: Any, words: str
) -> None:
    """Labels out of range, of a wrong type or missing; images that are none."""
    parquet(tmp_path / "in" / "train.parquet", 3, label, image, metadata)
    assert words in refusal(tmp_path / "in", root)


def test_damaged_or_unnamed_parquet_files_are_refused(tmp_path: Path, root: Path) -> None:
    """Torn and empty files, a missing column, text in one split and numbers in the other, no train among many."""
    place = tmp_path / "in"
    parquet(place / "train.parquet", 3, [0, 1, 1])
    parquet(place / "test.parquet", 3, ["a", "b", "b"])
    assert "text in one file and as numbers in the other" in refusal(place, root)
    whole = (place / "test.parquet").read_bytes()
    (place / "test.parquet").write_bytes(whole[:-10])
    assert "damaged" in refusal(place, root)
    (place / "test.parquet").write_bytes(b"")
    assert "0 bytes" in refusal(place, root)
    pq.write_table(pa.table({"picture": [b"x"], "label": [1]}), place / "test.parquet")
    assert "none named 'image'" in refusal(place, root)
    (place / "train.parquet").rename(place / "other.parquet")
    assert "none named train.parquet" in refusal(place, root)


def test_file_names_are_kept(tmp_path: Path, root: Path) -> None:
    """From a column `file`, or from `path` in the image struct, nulls as unknown; without either there are none."""
    images = [encode_png(np.asarray(picture())) for _ in range(4)]
    structs = [{"bytes": data, "path": f"{i}.png"} for i, data in enumerate(images)]
    column = ["a.jpg", None, "c.jpg", "d.jpg"]
    label = [0, 1, 0, 1]
    for name, table, expected in (
        ("column", {"image": images, "label": label, "file": column}, ["a.jpg", "", "c.jpg", "d.jpg"]),
        ("struct", {"image": structs, "label": label}, ["0.png", "1.png", "2.png", "3.png"]),
        ("neither", {"image": images, "label": label}, ["", "", "", ""]),
    ):
        for split in ("train", "test"):
            place = tmp_path / name / f"{split}.parquet"
            place.parent.mkdir(exist_ok=True)
            pq.write_table(pa.table(table), place)
        prepare(tmp_path / name, root, name)
        assert read_files(root / name / "train.parquet") == expected


def test_unlabeled_parquet_needs_no_labels(tmp_path: Path, root: Path) -> None:
    """`unlabeled.parquet` next to train and test becomes the split of that name."""
    parquet(tmp_path / "in" / "train.parquet", 4, ["b", "a", "b", "a"])
    parquet(tmp_path / "in" / "test.parquet", 2, ["a", "b"])
    images = [encode_png(np.asarray(picture())) for _ in range(3)]
    pq.write_table(pa.table({"image": images}), tmp_path / "in" / "unlabeled.parquet")
    assert prepare(tmp_path / "in", root).counts == {"train": 4, "test": 2, "unlabeled": 3}
    assert read_split(root / "own" / "unlabeled.parquet").labels.tolist() == [-1, -1, -1]
