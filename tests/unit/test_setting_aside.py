"""The test split of a folder without one: stratified, by content and seed, with equal images on one side."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.split_file import read_files, read_split
from tests.user_folders import notes, picture, prepare, refusal, save


def tree(folder: Path, counts: dict[str, int]) -> Path:
    """Class folders with so many images each."""
    for name, count in counts.items():
        for i in range(count):
            save(picture(), folder / name / f"{i}.png")
    return folder


def test_a_share_of_each_class_is_set_aside(tmp_path: Path) -> None:
    """A fifth by default, or the share asked for; at least one of each class, stated with its seed."""
    folder, root = tree(tmp_path / "tree", {"a": 20, "b": 10, "c": 2}), tmp_path / "data"
    done = prepare(folder, root)
    assert Counter(read_split(root / "own" / "test.parquet").labels.tolist()) == {0: 4, 1: 2, 2: 1}
    assert done.counts == {"train": 25, "test": 7}
    assert "20% of each class set aside, chosen by content hash with seed 0" in notes(done)
    assert prepare(folder, root, "half", test_share=0.5).counts == {"train": 16, "test": 16}


def test_names_and_order_of_the_files_do_not_matter(tmp_path: Path) -> None:
    """Renamed files of the same content give the same test images; another seed gives others."""
    folder, root = tree(tmp_path / "tree", {"a": 20, "b": 20}), tmp_path / "data"
    for path in sorted(folder.glob("*/*")):
        new = tmp_path / "renamed" / path.parent.name / f"{99 - int(path.stem)}.png"
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(path.read_bytes())
    prepare(folder, root, "first")
    prepare(tmp_path / "renamed", root, "second")
    prepare(folder, root, "third", test_seed=1)
    first, second, third = (
        {image.tobytes() for image in read_split(root / name / "test.parquet").images}
        for name in ("first", "second", "third")
    )
    assert first == second
    assert first != third


def test_repeated_images_stay_on_one_side(tmp_path: Path) -> None:
    """No image lands in both splits, however often it is repeated."""
    for i in range(10):
        image = picture()
        for copy in range(3):
            save(image, tmp_path / "tree" / "ab"[i % 2] / f"{i}-{copy}.png")
    root = tmp_path / "data"
    assert "20 images of train repeat another one and were kept" in notes(prepare(tmp_path / "tree", root))
    assert load_image_set("own", "", root).test_in_train == 0


def test_each_image_keeps_its_file_name(tmp_path: Path) -> None:
    """Through the division: a row's pixels are those of the file it names."""
    folder, root = tree(tmp_path / "tree", {"a": 6, "b": 6}), tmp_path / "data"
    prepare(folder, root)
    seen = set()
    for split in ("train", "test"):
        path = root / "own" / f"{split}.parquet"
        for name, image in zip(read_files(path), read_split(path).images, strict=True):
            assert image.tobytes() == Image.open(folder / name).tobytes()
            seen.add(name)
    assert seen == {f"{name}/{i}.png" for name in "ab" for i in range(6)}


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    """One image of a class cannot serve both splits."""
    folder = tree(tmp_path / "tree", {"a": 1, "b": 1})
    assert "too few to set a test split aside" in refusal(folder, tmp_path / "data")


@pytest.mark.parametrize("share", [0.0, 1.0, 1.5])
def test_a_share_of_nothing_or_of_all_is_refused(tmp_path: Path, share: float) -> None:
    """It must lie strictly between."""
    assert f"test_share: {share} must be" in refusal(
        tree(tmp_path / "t", {"a": 2}), tmp_path / "data", test_share=share
    )
