"""Images that cannot be used are all listed or skipped; sizes and channels become one shape, each change stated."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dalbt_ray.data.mixing import fit_images
from dalbt_ray.data.split_file import read_files, read_metadata, read_split
from tests.user_folders import encoded, notes, picture, prepare, refusal, save, three_classes


def add_bad(folder: Path, count: int = 2) -> None:
    """Bad images in both splits, one of them cut off."""
    for i in range(count - 1):
        (folder / "train" / "cat" / f"a bad one {i}.jpg").write_text("not an image")
    (folder / "test" / "dög" / "cut off.jpg").write_bytes(encoded(picture((64, 64, 3)), "JPEG")[:-800])


def test_every_bad_image_is_listed_with_its_reason(tmp_path: Path) -> None:
    """All splits in one message, with the total and the way on."""
    folder = three_classes(tmp_path)
    add_bad(folder)
    message = refusal(folder, tmp_path / "data")
    assert "holds 2 images of 23 that cannot be used" in message
    assert "--skip-bad" in message
    assert "\n  train/cat/a bad one 0.jpg is no image file" in message
    assert "\n  test/dög/cut off.jpg cannot be decoded (image file is truncated" in message


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    """Ten of 40 are shown, and how many more there are."""
    folder = three_classes(tmp_path)
    add_bad(folder, 40)
    message = refusal(folder, tmp_path / "data")
    assert "40 images of 61" in message
    assert len(message.splitlines()) == 12
    assert message.endswith("\n  and 30 more")


def test_bad_images_are_skipped_on_request(tmp_path: Path) -> None:
    """The set equals the one of a folder without them, but for the record of what was skipped and why."""
    folder, root = three_classes(tmp_path), tmp_path / "data"
    prepare(folder, root, "clean")
    add_bad(folder)
    done = prepare(folder, root, "skipped", skip_bad=True)
    for split in ("train", "test"):
        clean, skipped = (root / name / f"{split}.parquet" for name in ("clean", "skipped"))
        np.testing.assert_array_equal(read_split(skipped).images, read_split(clean).images)
        np.testing.assert_array_equal(read_split(skipped).labels, read_split(clean).labels)
        assert read_files(skipped) == read_files(clean)
        assert read_metadata(skipped).notes == done.notes
    assert (
        "skipped 2 images of 23 that cannot be used: train/cat/a bad one 0.jpg is no image file"
        in done.notes[0]
    )
    assert "test/dög/cut off.jpg cannot be decoded" in done.notes[0]


def test_a_split_of_bad_images_only_is_refused(tmp_path: Path) -> None:
    """There is nothing left to go on with, so skipping is not offered."""
    folder = three_classes(tmp_path)
    for path in folder.glob("test/*/*"):
        path.write_text("not an image")
    for skip in (True, False):
        message = refusal(folder, tmp_path / "data", skip_bad=skip)
        assert "6 images of 21" in message
        assert "--skip-bad" not in message


def test_photographs_need_a_size_and_take_it(tmp_path: Path) -> None:
    """Without one, the largest is named; with one, any size is shrunk as `fit_images` does."""
    folder, root = three_classes(tmp_path), tmp_path / "data"
    save(picture((300, 200, 3)), folder / "test" / "cat" / "large.png")
    large = save(picture((400, 600, 3)), folder / "train" / "cat" / "a larger.jpg")
    message = refusal(folder, root)
    assert "2 images of more than 256 pixels a side" in message
    assert "the largest being train/cat/a larger.jpg with 400x600" in message
    assert "--size 64" in message
    done = prepare(folder, root, size=64)
    assert done.shape == (64, 64, 3)
    assert "23 images resized to 64x64" in notes(done)
    expected = fit_images(np.asarray(Image.open(large))[None], (64, 64, 3))[0]
    np.testing.assert_array_equal(read_split(root / "own" / "train.parquet").images[0], expected)


def test_mixed_sizes_are_resized_to_one_stated_size(tmp_path: Path) -> None:
    """32x32 unless a size is given; pixels are those of `fit_images`."""
    folder, root = three_classes(tmp_path), tmp_path / "data"
    odd = save(picture((20, 11, 3)), folder / "train" / "cat" / "a.png")
    done = prepare(folder, root)
    assert done.shape == (32, 32, 3)
    assert "22 images resized to 32x32" in notes(done)
    assert "from 10x12 RGB to 20x11 RGB; --size gives another size" in notes(done)
    expected = fit_images(np.asarray(Image.open(odd))[None], (32, 32, 3))[0]
    np.testing.assert_array_equal(read_split(root / "own" / "train.parquet").images[0], expected)
    assert prepare(folder, root, "small", size=16).shape == (16, 16, 3)


def test_gray_stays_gray_and_one_rgb_image_makes_all_rgb(tmp_path: Path) -> None:
    """A gray set has one channel; gray images among RGB ones are repeated to RGB, and counted."""
    for i in range(4):
        save(picture((28, 28)), tmp_path / "gray" / "ab"[i % 2] / f"{i}.png")
    root = tmp_path / "data"
    assert prepare(tmp_path / "gray", root, "gray").shape == (28, 28, 1)
    folder = three_classes(tmp_path)
    save(picture((10, 12)), folder / "train" / "cat" / "gray.png")
    done = prepare(folder, root)
    assert done.shape == (10, 12, 3)
    assert "1 gray images among RGB ones: gray repeated to RGB" in notes(done)


def test_conversions_are_counted_by_kind(tmp_path: Path) -> None:
    """What was changed, how often; such files are stored as PNG of the converted pixels."""
    folder, root = three_classes(tmp_path), tmp_path / "data"
    for i in range(2):
        save(picture().convert("CMYK"), folder / "train" / "cat" / f"{i}.jpg")
    palette = save(picture().quantize(16), folder / "train" / "cat" / "0.png")
    report = notes(prepare(folder, root))
    assert "2 images converted: mode CMYK to RGB" in report
    assert "1 images converted: mode P to RGB" in report
    first = read_files(root / "own" / "train.parquet").index("train/cat/0.png")
    stored = read_split(root / "own" / "train.parquet").images[first]
    np.testing.assert_array_equal(stored, np.asarray(Image.open(palette).convert("RGB")))


@pytest.mark.parametrize("size", [7, 257, 32.5])
def test_a_size_out_of_range_is_refused(tmp_path: Path, size: float) -> None:
    """Field, value and range are named."""
    assert f"size: {size} must be" in refusal(three_classes(tmp_path), tmp_path / "data", size=size)
