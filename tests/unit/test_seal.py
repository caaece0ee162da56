"""A set that is no longer what it was is refused, with what changed; one that nobody sealed is used, with a note."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.prepare.listing import data_prepare
from dalbt_ray.data.prepare.verifying import data_verify, set_notes
from dalbt_ray.data.seal import SEAL, write_seal
from dalbt_ray.data.sources import EMBEDDED_ROOT
from dalbt_ray.data.split_file import SetMetadata
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.errors import InputError
from tests.user_folders import three_classes


def write(folder: Path, labels: list[int], pixel: int = 0, notes: tuple[str, ...] = ()) -> None:
    """Both splits of a set of plain images; the first pixel of the first one is `pixel`."""
    images = [np.full((8, 8, 1), i, np.uint8) for i in range(len(labels))]
    images[0][0, 0] = pixel
    metadata = SetMetadata(class_names=("a", "b", "c"), notes=notes)
    for split in ("train", "test"):
        ids = np.arange(len(labels))
        write_split(folder / f"{split}.parquet", ids, map(encode_png, images), np.array(labels), metadata)


def test_data_prepare_seals_what_it_writes(tmp_path: Path) -> None:
    """With the rows and classes that the files have; and what was sealed is loaded."""
    root = tmp_path / "root"
    data_prepare(str(three_classes(tmp_path)), "own", root)
    told = json.loads((root / "own" / SEAL).read_text())["splits"]["train"]
    assert (told["rows"], told["classes"]) == (15, {"0": 5, "1": 5, "2": 5})
    assert len(load_image_set("own", "", root).images) == 15
    assert set_notes(["own"], root) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda folder: write(folder, [0, 1, 2, 0], pixel=9), "images, single labels or notes changed"),
        (lambda folder: write(folder, [1, 0, 2, 0]), "images, single labels or notes changed"),
        (lambda folder: write(folder, [0, 1, 2, 0], notes=("x",)), "images, single labels or notes changed"),
        (
            lambda folder: write(folder, [0, 1, 2, 1]),
            "class 0 has 1 images instead of 2, class 1 has 2 images",
        ),
        (lambda folder: write(folder, [0, 1, 2]), "4 rows have become 3"),
    ],
)
def test_a_change_is_found_and_named(tmp_path: Path, change: Callable[[Path], None], named: str) -> None:
    """Every one of these is a valid set: without the seal it would only be another data hash."""
    write(tmp_path / "own", [0, 1, 2, 0])
    write_seal(tmp_path / "own")
    change(tmp_path / "own")
    with pytest.raises(InputError, match=named):
        load_image_set("own", "", tmp_path)
    told, intact = data_verify("own", tmp_path)
    assert named in told
    assert not intact
    assert data_verify("own", tmp_path, seal=True) == (f"{told}\nown: sealed as it is now", True)
    load_image_set("own", "", tmp_path)


def test_a_set_without_a_seal_is_used_with_a_note(tmp_path: Path) -> None:
    """As every set was, before there were seals."""
    write(tmp_path / "own", [0, 1, 2, 0])
    load_image_set("own", "", tmp_path)
    (note,) = set_notes(["own", ""], tmp_path)
    assert "dalbt data verify own --seal" in note
    told, intact = data_verify("", tmp_path)
    assert "own train: has no seal" in told
    assert intact


def test_a_split_that_is_gone_is_missed(tmp_path: Path) -> None:
    """It was sealed, so it should be there."""
    write(tmp_path / "own", [0, 1, 2, 0])
    write_seal(tmp_path / "own")
    (tmp_path / "own" / "test.parquet").unlink()
    told, intact = data_verify("own", tmp_path)
    assert "own test: is missing" in told
    assert not intact


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "other"}', "[" * 100_000])
def test_a_torn_seal_is_refused(tmp_path: Path, text: str) -> None:
    """It says nothing, and that is said."""
    write(tmp_path / "own", [0, 1, 2, 0])
    (tmp_path / "own" / SEAL).write_text(text)
    with pytest.raises(InputError, match="data seal"):
        load_image_set("own", "", tmp_path)


def test_a_file_that_lies_elsewhere_is_noted(tmp_path: Path) -> None:
    """A link out of the folder works, and is named."""
    write(tmp_path / "elsewhere", [0, 1, 2, 0])
    (tmp_path / "root" / "own").mkdir(parents=True)
    for split in ("train", "test"):
        (tmp_path / "root" / "own" / f"{split}.parquet").symlink_to(
            tmp_path / "elsewhere" / f"{split}.parquet"
        )
    assert any("is a link to" in note for note in set_notes(["own"], tmp_path / "root"))
    assert "a link to" in data_verify("own", tmp_path / "root")[0]


def test_the_embedded_sets_are_sealed() -> None:
    """As they are shipped: whoever changes them seals them again, knowingly."""
    folders = sorted(EMBEDDED_ROOT.iterdir())
    assert [folder.name for folder in folders] == ["fashion_mini", "kmnist_mini"]
    for folder in folders:
        rows = {path.stem: pq.read_metadata(path).num_rows for path in folder.glob("*.parquet")}
        splits = json.loads((folder / SEAL).read_text())["splits"]
        assert {split: each["rows"] for split, each in splits.items()} == rows
