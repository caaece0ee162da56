"""Layouts of a user's folder: class folders, train and test, `unlabeled`, and what cannot be read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.prepare.image_tree import gather_tree
from dalbt_ray.data.split_file import read_files, read_split
from tests.user_folders import flat, notes, picture, prepare, refusal, save, three_classes


def test_train_and_test_folders_are_respected(tmp_path: Path) -> None:
    """Classes in alphabetical order over both; every image under the name of its file."""
    found = gather_tree(three_classes(tmp_path))
    assert found.class_names == ("cat", "dög", "zebra crossing")
    assert found.splits["train"].labels == [0] * 5 + [1] * 5 + [2] * 5
    assert found.splits["test"].labels == [0, 0, 1, 1, 2, 2]
    assert found.splits["train"].files[0] == "train/cat/bild 0é.png"
    assert found.notes == ()


def test_class_folders_may_be_nested_and_hidden_files_are_skipped(tmp_path: Path) -> None:
    """The outermost folder names the class; what starts with a dot, at any depth, is not looked at."""
    for path in (
        "cat/2023/may/a.jpg",
        "cat/b.JPG",
        "dog/c.png",
        "dog/.thumbs/d.png",
        "dog/._e.jpg",
        ".git/x/f.png",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    train = gather_tree(tmp_path).splits["train"]
    assert dict(zip(train.names, train.labels, strict=True)) == {
        "cat/2023/may/a.jpg": 0,
        "cat/b.JPG": 0,
        "dog/c.png": 1,
    }


def test_numbered_class_folders_sort_as_numbers(tmp_path: Path) -> None:
    """Class 10 comes after class 9."""
    for name in ("10", "9", "1"):
        save(picture(), tmp_path / name / "0.png")
    assert gather_tree(tmp_path).class_names == ("1", "9", "10")


@pytest.mark.parametrize("place", ["unlabeled", "Unlabelled", "train/unlabeled", "test/unlabeled"])
def test_unlabeled_images_are_no_class(tmp_path: Path, place: str) -> None:
    """They become a split of their own with label -1, and a sweep on the labeled rest works."""
    folder, root = three_classes(tmp_path), tmp_path / "data"
    (folder / "train" / "UNLABELED").mkdir()  # an empty one is no empty class
    unknown = save(picture(), folder / place / "deeper" / "x.png")
    done = prepare(folder, root)
    assert done.class_names == ("cat", "dög", "zebra crossing")
    assert done.counts == {"train": 15, "test": 6, "unlabeled": 1}
    assert "1 images without a label are kept apart" in notes(done)
    split = read_split(root / "own" / "unlabeled.parquet")
    assert split.labels.tolist() == [-1]
    np.testing.assert_array_equal(split.images[0], np.asarray(Image.open(unknown)))
    assert read_files(root / "own" / "unlabeled.parquet") == [f"{place}/deeper/x.png"]
    assert load_image_set("own", "", root).in_distribution_count == 15


def test_unlabeled_images_alone_are_an_ood_source(tmp_path: Path) -> None:
    """Without a class the set can join a pool, and a sweep on it is refused with what is missing."""
    save(picture((28, 28)), tmp_path / "in" / "unlabeled" / "x.png")
    root = tmp_path / "data"
    assert "can only serve as an OOD source" in notes(prepare(tmp_path / "in", root))
    assert len(load_image_set("fashion_mini", "own", root).images) == 10_001
    with pytest.raises(ValueError, match="has no train split"):
        load_image_set("own", "", root)


def test_layouts_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """Nothing there, images without class folders, an empty class, a test split alone, no training image."""
    root = tmp_path / "data"
    assert "is not a folder" in refusal(tmp_path / "nowhere", root)
    (tmp_path / "empty").mkdir()
    assert "holds no images in class folders" in refusal(tmp_path / "empty", root)
    assert "a labels.csv (path,label) next to the images" in refusal(flat(tmp_path), root)
    folder = three_classes(tmp_path)
    (folder / "train" / "empty class").mkdir()
    assert "has class folders without images: empty class" in refusal(folder, root)
    (folder / "train").rename(folder / "training")
    assert "has a folder `test` but none named `train`" in refusal(folder, root)
    (folder / "train").mkdir()
    assert "has labeled test images but no labeled training image" in refusal(folder, root)


def test_other_files_are_ignored_and_counted(tmp_path: Path) -> None:
    """Notes and stray folders beside the images do not stop a preparation."""
    folder = three_classes(tmp_path)
    (folder / "train" / "cat" / "notes.txt").write_text("hello")
    (folder / "train" / "cat" / ".DS_Store").write_text("hidden")
    save(picture(), folder / "train" / "stray.png")
    save(picture(), folder / "extra" / "cat" / "0.png")
    report = "; ".join(gather_tree(folder).notes)
    assert "ignored 2 files of train that are no images in a class folder (1 .txt, 1 .png)" in report
    assert "ignored next to train and test: extra" in report


def test_photographs_that_cannot_be_read_are_not_ignored(tmp_path: Path) -> None:
    """A camera's raw file is refused by name; ignored, half of a user's set would be missing."""
    folder = three_classes(tmp_path)
    (folder / "train" / "cat" / "IMG_1.NEF").write_bytes(b"MM\0\x2a" + bytes(100))
    assert "train/cat/IMG_1.NEF is no image file that can be read" in refusal(folder, tmp_path / "data")


def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    """Stray bytes in a file's name are kept as escapes; in a class name they are refused, shown escaped."""
    folder = three_classes(tmp_path)
    save(picture(), folder / "train" / "cat" / "a\udcff.png")
    assert "train/cat/a\\xff.png" in gather_tree(folder).splits["train"].names
    (folder / "train" / "cat").rename(folder / "train" / "c\udcfft")
    message = refusal(folder, tmp_path / "data")
    assert "class name that is not Unicode" in message
    message.encode()
