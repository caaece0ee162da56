"""`labels.csv`: names matched to files, splits by path, and every line that cannot be used."""

from pathlib import Path

import pytest

from dalbt_ray.data.prepare.gathering import Gathered
from dalbt_ray.data.prepare.image_tree import gather_tree
from dalbt_ray.errors import InputError
from tests.user_folders import flat, notes, picture, prepare, save


def labeled(split: Gathered) -> dict[str, int]:
    """The label of each file."""
    return dict(zip(split.names, split.labels, strict=True))


@pytest.mark.parametrize(
    "header", ["path,label", "filename,label", "label,note,path", "\ufeffPath, Label", 'path,"label"\r']
)
def test_a_flat_folder(tmp_path: Path, header: str) -> None:
    """Either name of the column, in any order and case, with a byte order mark and Windows' line ends."""
    folder = flat(tmp_path, 3)
    row = {"path": "{}.png", "filename": "{}.png", "label": "{}", "note": "x"}
    columns = [row[c.strip().strip('"\ufeff').lower()] for c in header.split(",")]
    rows = [
        ",".join(columns).format(*((i, k) if columns[0] != "{}" else (k, i))) for i, k in enumerate("abc")
    ]
    (folder / "labels.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8", newline="")
    found = gather_tree(folder)
    assert (found.class_names, labeled(found.splits["train"])) == (
        ("a", "b", "c"),
        {"0.png": 0, "1.png": 1, "2.png": 2},
    )
    assert found.notes == ()


def test_images_without_a_label_become_the_unlabeled_split(tmp_path: Path) -> None:
    """An empty label, and an image that no line names."""
    folder = flat(tmp_path)
    (folder / "labels.csv").write_text(
        "path,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(6)) + "6.png,\n"
    )
    done = prepare(folder, tmp_path / "data")
    assert done.counts == {"train": 4, "test": 2, "unlabeled": 2}
    assert "2 images without a label are kept apart" in notes(done)


def test_names_below_other_folders(tmp_path: Path) -> None:
    """A path, with or without `./`; and a bare name where only one file has it."""
    for name in ("images/a.png", "images/b.png", "more/c.png"):
        save(picture(), tmp_path / name)
    (tmp_path / "labels.csv").write_text("filename,label\n./images/a.png,x\nb.png,y\nc.png,x\n")
    assert labeled(gather_tree(tmp_path).splits["train"]) == {
        "images/a.png": 0,
        "images/b.png": 1,
        "more/c.png": 0,
    }


@pytest.mark.parametrize("above", [True, False])
def test_train_and_test_folders_with_label_files(tmp_path: Path, above: bool) -> None:
    """One file above both folders, or one in each: the folders say which image is for tests."""
    for name in ("train/a.png", "train/b.png", "test/c.png"):
        save(picture(), tmp_path / name)
    if above:
        (tmp_path / "labels.csv").write_text("path,label\ntrain/a.png,x\ntrain/b.png,y\ntest/c.png,y\n")
    else:
        (tmp_path / "train" / "labels.csv").write_text("path,label\na.png,x\nb.png,y\n")
        (tmp_path / "test" / "labels.csv").write_text("path,label\nc.png,y\n")
    splits = gather_tree(tmp_path).splits
    assert labeled(splits["train"]) == {"train/a.png": 0, "train/b.png": 1}
    assert labeled(splits["test"]) == {"test/c.png": 1}


def test_every_line_that_cannot_be_used_is_listed(tmp_path: Path) -> None:
    """An unknown file, a second entry and a name that fits two files, each with its line; long lists are cut."""
    folder = flat(tmp_path, 2)
    save(picture(), folder / "x" / "same.png")
    save(picture(), folder / "y" / "same.png")
    table = folder / "labels.csv"
    table.write_text("path,label\n0.png,a\nnone.png,a\n0.png,b\nsame.png,a\n../flat/1.png,a\n")
    with pytest.raises(InputError) as error:
        gather_tree(folder)
    assert "4 lines that cannot be used" in str(error.value)
    for words in (
        "line 3: 'none.png' is not in the folder",
        "line 4: '0.png' is in line 2 already",
        "line 5: 'same.png' fits 2 files",
        "line 6: '../flat/1.png' is not in the folder",
    ):
        assert words in str(error.value)
    table.write_text("path,label\n" + "".join(f"none{i}.png,a\n" for i in range(1_234)))
    with pytest.raises(InputError) as error:
        gather_tree(folder)
    assert "1,234 lines" in str(error.value)
    assert str(error.value).endswith("line 11: 'none9.png' is not in the folder\n  and 1,224 more")


def test_a_file_of_millions_of_wrong_lines_is_not_read_to_its_end(tmp_path: Path) -> None:
    """8 million of them took 2 GiB and half a minute; they are counted up to a hundred thousand."""
    folder = flat(tmp_path, 1)
    (folder / "labels.csv").write_bytes(b"path,label\n" + b"a.png,b\n" * 300_000 + b"\xff")
    with pytest.raises(InputError) as error:
        gather_tree(folder)
    assert "has at least 100,000 lines that cannot be used" in str(error.value)
    assert str(error.value).endswith("line 11: 'a.png' is not in the folder\n  and 99,990 more")


def test_short_rows_and_blank_lines(tmp_path: Path) -> None:
    """A row that ends early has no label; a blank line is none."""
    folder = flat(tmp_path, 3)
    (folder / "labels.csv").write_text("path,label,note\n0.png,a,x\n\n1.png\n2.png,b,x,y\n")
    found = gather_tree(folder)
    assert labeled(found.splits["train"]) == {"0.png": 0, "2.png": 1}
    assert found.splits["unlabeled"].names == ["1.png"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has the columns (none)"),
        (b"path;label\n0.png;a\n", "has the columns path;label"),
        (b"file,label\n0.png,a\n", "has the columns file, label"),
        (b"path,filename,label\n0.png,0.png,a\n", "has the columns path, filename, label"),
        (b"path,label\n\xff.png,a\n", "cannot be read"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """What it has, and what it needs."""
    folder = flat(tmp_path, 1)
    (folder / "labels.csv").write_bytes(content)
    with pytest.raises(InputError) as error:
        gather_tree(folder)
    assert words in str(error.value)
    assert "a first line `path,label`" in str(error.value)
