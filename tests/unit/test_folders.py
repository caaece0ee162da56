"""A user's folder becomes a set: whole or not at all, the same bytes each time, with a report of what was found."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dalbt_ray.cli import main
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.prepare.folders import prepare_folder
from dalbt_ray.data.split_file import file_sha256, read_files, read_metadata, read_split
from dalbt_ray.errors import InputError
from tests.user_folders import notes, picture, prepare, save, three_classes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes with 5 training and 2 test images each."""
    return three_classes(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root that does not exist yet."""
    return tmp_path / "data"


def test_an_image_folder_becomes_a_set(folder: Path, root: Path) -> None:
    """Every pixel, label and file name is kept, the PNG bytes too; the set works by its name."""
    done = prepare(folder, root, licence="mine")
    assert done.counts == {"train": 15, "test": 6}
    assert done.class_names == ("cat", "dög", "zebra crossing")
    assert done.notes == ()
    train = read_split(root / "own" / "train.parquet")
    assert train.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    files = sorted((folder / "train" / "cat").iterdir())
    for image, file in zip(train.images, files, strict=False):
        np.testing.assert_array_equal(image, np.asarray(Image.open(file)))
    stored = pq.read_table(root / "own" / "train.parquet")["image"][0].as_py()
    assert stored == files[0].read_bytes()
    metadata = read_metadata(root / "own" / "test.parquet")
    assert (metadata.licence, metadata.source, metadata.input_shape) == (
        "mine",
        "folder meine Bilder ü",
        (10, 12, 3),
    )
    image_set = load_image_set("own", "kmnist_mini", root)
    assert image_set.images.shape == (10, 12, 3)
    assert image_set.class_names == ("cat", "dög", "zebra crossing")
    assert image_set.files is not None
    assert image_set.files[:15] == tuple(read_files(root / "own" / "train.parquet"))
    assert set(image_set.files[15:]) == {""}


def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Prepared twice, under two roots, the files are equal: the data hash of a sweep stays."""
    for name in ("a", "b"):
        prepare(folder, tmp_path / name)
    for split in ("train", "test"):
        a, b = (tmp_path / name / "own" / f"{split}.parquet" for name in ("a", "b"))
        assert file_sha256(a) == file_sha256(b)


def test_overlap_and_contradictions_are_reported(folder: Path, root: Path) -> None:
    """Images that are also in train, and equal images with different labels; unlabeled ones contradict none."""
    twin = next((folder / "train" / "cat").iterdir())
    save(Image.open(twin), folder / "test" / "cat" / "twin.png")
    save(Image.open(twin), folder / "unlabeled" / "twin.png")
    report = notes(prepare(folder, root))
    assert "1 test images are also in train, as test/cat/twin.png" in report
    assert "1 unlabeled images are also in train, as unlabeled/twin.png" in report
    assert "more than one label" not in report
    save(Image.open(twin), folder / "train" / "dög" / "twin.bmp")
    report = notes(prepare(folder, root, "again"))
    assert "1 images of train repeat another one" in report
    assert "1 images appear under more than one label" in report


def test_a_class_with_test_images_only_is_refused(folder: Path, root: Path) -> None:
    """What nothing could learn is named; a class without a test image is reported only."""
    save(picture(), folder / "train" / "bird" / "0.png")
    assert "classes without a test image: bird" in notes(prepare(folder, root, "ok"))
    (folder / "train" / "bird").rename(folder / "test" / "bird")
    with pytest.raises(InputError, match="class: 'bird' has test images but no training image"):
        prepare_folder(folder, "own", root)
    assert not (root / "own").exists()


@pytest.mark.parametrize("name", ["mnist", "fashion_mini", "a b", "../x", "", "x/y", "ü"])
def test_names_that_cannot_be_used_are_refused(folder: Path, root: Path, name: str) -> None:
    """A known set's name, or one that is no plain folder name."""
    with pytest.raises(InputError, match="name: "):
        prepare_folder(folder, name, root)
    assert not root.exists()


def test_a_set_is_never_overwritten(folder: Path, root: Path) -> None:
    """A second set of the same name is refused, and the first one stays as it was."""
    prepare(folder, root)
    before = file_sha256(root / "own" / "train.parquet")
    save(picture(), folder / "train" / "cat" / "new.png")
    with pytest.raises(InputError, match="name: 'own' is taken"):
        prepare_folder(folder, "own", root)
    assert file_sha256(root / "own" / "train.parquet") == before


def test_a_data_root_that_cannot_be_written_is_refused(folder: Path, tmp_path: Path) -> None:
    """A file where the data root should be: one line."""
    blocked = tmp_path / "data"
    blocked.write_text("a file")
    with pytest.raises(InputError, match=r"data root: .* cannot be written"):
        prepare_folder(folder, "own", blocked / "deep")


@pytest.mark.parametrize("before", [False, True])
def test_a_refused_folder_leaves_the_data_root_as_it_was(folder: Path, root: Path, before: bool) -> None:
    """An empty one stays, one that was not there is not made."""
    if before:
        root.mkdir()
    (folder / "train" / "cat" / "bad.png").write_text("not an image")
    with pytest.raises(InputError):
        prepare_folder(folder, "own", root)
    assert root.is_dir() == before


def test_the_command_takes_every_option(folder: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`dalbt data prepare FOLDER` without a name takes the folder's own, and says how to use the set."""
    plain = (folder / "train").rename(folder.with_name("pets"))
    (plain / "cat" / "bad.png").write_text("not an image")
    root.mkdir()
    command = ["data", "prepare", str(plain), "--data-root", str(root), "--size", "16"]
    assert main(command) == 2
    assert "--skip-bad" in capsys.readouterr().err
    options = ["--skip-bad", "--test-share", "0.4", "--test-seed", "3", "--licence", "mine"]
    assert main([*command, *options]) == 0
    text = capsys.readouterr().out
    assert "pets: 9 train, 6 test images, 16x16 RGB" in text
    assert "40% of each class set aside, chosen by content hash with seed 3" in text
    assert "--dataset pets" in text
    assert read_metadata(root / "pets" / "test.parquet").licence == "mine"


def test_folder_options_mean_nothing_for_a_known_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are refused instead of ignored."""
    assert main(["data", "prepare", "mnist", "--data-root", str(tmp_path), "--size", "64"]) == 2
    assert "size: 64 is for a folder, and mnist is a known set" in capsys.readouterr().err
