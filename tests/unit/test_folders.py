"""A user's own images: each layout and flaw is a stated conversion or one clear refusal."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.mixing import fit_images
from dalbt_ray.data.prepare.folders import Preparation, prepare_folder
from dalbt_ray.data.prepare.listing import data_prepare
from dalbt_ray.data.sources import find_set
from dalbt_ray.data.split_file import file_sha256, read_metadata, read_split
from dalbt_ray.errors import InputError

RNG = np.random.default_rng(0)


def picture(shape: tuple[int, ...] = (10, 12, 3)) -> Image.Image:
    """A random image."""
    return Image.fromarray(RNG.integers(0, 256, shape, np.uint8))


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    """Write an image file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes with 5 training and 2 test images each, in a path with spaces and beyond ASCII."""
    root = tmp_path / "meine Bilder ü"
    for name in ("cat", "dög", "zebra crossing"):
        for split, count in (("train", 5), ("test", 2)):
            for i in range(count):
                save(picture(), root / split / name / f"bild {i}é.png")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A data root that does not exist yet; whatever happened, no staged file may be left in it."""
    root = tmp_path / "data"
    yield root
    assert not list(root.rglob(".*"))


def refusal(folder: Path, root: Path, **options: Any) -> str:
    """The message with which a folder is refused; nothing may have been written."""
    with pytest.raises(InputError) as error:
        prepare_folder(folder, "own", root, **options)
    assert not root.exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def notes(done: Preparation) -> str:
    """Everything that was reported beside counts and classes."""
    return "; ".join(done.notes)


def test_an_image_folder_becomes_a_set(folder: Path, root: Path) -> None:
    """Every pixel and label is kept, the PNG bytes too; the set works by its name."""
    done = prepare_folder(folder, "own", root, licence="mine")
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


def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Prepared twice, under two roots, the files are equal: the data hash of a sweep stays."""
    for name in ("a", "b"):
        prepare_folder(folder, "own", tmp_path / name)
    for split in ("train", "test"):
        a, b = (tmp_path / name / "own" / f"{split}.parquet" for name in ("a", "b"))
        assert file_sha256(a) == file_sha256(b)


def test_a_single_tree_is_split_by_content(folder: Path, root: Path, tmp_path: Path) -> None:
    """A fifth of each class is set aside; renaming the files does not change which images those are."""
    renamed = tmp_path / "renamed"
    for name in ("cat", "dög", "zebra crossing"):
        for i, file in enumerate(sorted((folder / "train" / name).iterdir())):
            save(Image.open(file), renamed / name / f"{9 - i}.png")
    first = prepare_folder(folder / "train", "first", root)
    prepare_folder(renamed, "second", root)
    assert first.counts == {"train": 12, "test": 3}
    assert "20% of each class set aside" in notes(first)
    tests = [read_split(root / name / "test.parquet") for name in ("first", "second")]
    assert tests[0].labels.tolist() == [0, 1, 2]
    assert {i.tobytes() for i in tests[0].images} == {i.tobytes() for i in tests[1].images}


def test_repeated_images_stay_on_one_side_of_the_split(root: Path, tmp_path: Path) -> None:
    """In a tree without a test split no image lands in both, however often it is repeated."""
    for i in range(10):
        image = picture()
        for copy in range(3):
            save(image, tmp_path / "tree" / "abc"[i % 2] / f"{i}-{copy}.png")
    done = prepare_folder(tmp_path / "tree", "own", root)
    assert "20 images of train repeat another one and were kept" in notes(done)
    assert load_image_set("own", "", root).test_in_train == 0


def test_overlap_and_contradictions_are_reported(folder: Path, root: Path) -> None:
    """Test images that are also training images, and equal images with different labels, are named."""
    twin = next((folder / "train" / "cat").iterdir())
    save(Image.open(twin), folder / "test" / "cat" / "twin.png")
    save(Image.open(twin), folder / "train" / "dög" / "twin.bmp")
    report = notes(prepare_folder(folder, "own", root))
    assert "1 test images are also in train, as test/cat/twin.png" in report
    assert "1 images of train repeat another one" in report
    assert "1 images appear under more than one label" in report


def test_mixed_sizes_are_resized_to_one_stated_size(folder: Path, root: Path) -> None:
    """32x32 unless a size is given; pixels are those of `fit_images`."""
    odd = save(picture((20, 11, 3)), folder / "train" / "cat" / "a.png")
    done = prepare_folder(folder, "own", root)
    assert done.shape == (32, 32, 3)
    assert "22 images resized to 32x32" in notes(done)
    assert "from 10x12 RGB to 20x11 RGB" in notes(done)
    expected = fit_images(np.asarray(Image.open(odd))[None], (32, 32, 3))[0]
    np.testing.assert_array_equal(read_split(root / "own" / "train.parquet").images[0], expected)
    assert prepare_folder(folder, "small", root, size=16).shape == (16, 16, 3)


def test_gray_stays_gray_and_one_rgb_image_makes_all_rgb(folder: Path, root: Path, tmp_path: Path) -> None:
    """A gray set has one channel; gray images among RGB ones are repeated to RGB, and counted."""
    for i in range(4):
        save(picture((28, 28)), tmp_path / "gray" / "ab"[i % 2] / f"{i}.png")
    assert prepare_folder(tmp_path / "gray", "gray", root).shape == (28, 28, 1)
    save(picture((10, 12)), folder / "train" / "cat" / "gray.png")
    done = prepare_folder(folder, "own", root)
    assert done.shape == (10, 12, 3)
    assert "1 gray images among RGB ones: gray repeated to RGB" in notes(done)


def test_harmless_modes_are_converted_and_stated(folder: Path, root: Path) -> None:
    """Palette, bilevel, opaque alpha and EXIF orientation: converted as Pillow does, and counted."""
    place = folder / "train" / "cat"
    palette = save(picture().quantize(16), place / "0.png")
    save(picture().convert("1"), place / "1.png")
    save(picture().convert("RGBA"), place / "2.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = save(picture((12, 10, 3)), place / "3.jpg", exif=exif)
    done = prepare_folder(folder, "own", root)
    for words in (
        "mode P to RGB",
        "mode 1 to L",
        "mode RGBA to RGB",
        "turned as their EXIF orientation says",
    ):
        assert f"1 images converted: {words}" in notes(done)
    images = read_split(root / "own" / "train.parquet").images
    np.testing.assert_array_equal(images[0], np.asarray(Image.open(palette).convert("RGB")))
    np.testing.assert_array_equal(images[3], np.rot90(np.asarray(Image.open(turned)), -1))


def bad_files() -> dict[str, tuple[bytes, str]]:
    """Files that cannot be used, and the reason that is given."""

    def encoded(image: Image.Image, kind: str) -> bytes:
        file = io.BytesIO()
        image.save(file, kind)
        return file.getvalue()

    clear = picture().convert("RGBA")
    clear.putalpha(100)
    deep = Image.fromarray(RNG.integers(0, 65535, (10, 12), np.uint16))
    return {
        "cmyk": (encoded(picture().convert("CMYK"), "JPEG"), "mode CMYK; save it as RGB"),
        "16-bit png": (encoded(deep, "PNG"), "16 bits per channel"),
        "16-bit tiff": (encoded(deep, "TIFF"), "more than 8 bits per channel"),
        "float tiff": (encoded(deep.convert("F"), "TIFF"), "more than 8 bits per channel"),
        "transparent": (encoded(clear, "PNG"), "partly transparent"),
        "truncated": (encoded(picture(), "PNG")[:-40], "cannot be decoded"),
        "0 bytes": (b"", "has no bytes"),
        "text": (b"not an image", "is no image file"),
        "too small": (encoded(picture((7, 12, 3)), "PNG"), "7x12 pixels; each side must be 8 to 256"),
        "too large": (encoded(picture((12, 257, 3)), "PNG"), "12x257 pixels"),
    }


@pytest.mark.parametrize("kind", bad_files())
def test_bad_images_are_refused_by_name(folder: Path, root: Path, kind: str) -> None:
    """The first bad file is named with its reason, and all are counted; nothing is written."""
    data, words = bad_files()[kind]
    (folder / "train" / "cat" / "a bad one.png").write_bytes(data)
    assert words in refusal(folder, root)
    (folder / "train" / "dög" / "another.png").write_bytes(data)
    message = refusal(folder, root)
    assert "train/cat/a bad one.png" in message
    assert "2 of 17 images cannot be used" in message


def test_layouts_that_cannot_be_read_are_refused(folder: Path, root: Path, tmp_path: Path) -> None:
    """Nothing there, an empty folder, images without class folders, an empty class, a test split alone."""
    assert "is not a folder" in refusal(tmp_path / "nowhere", root)
    (tmp_path / "empty").mkdir()
    assert "holds no images in class folders" in refusal(tmp_path / "empty", root)
    save(picture(), tmp_path / "flat" / "a.png")
    assert "holds no images in class folders" in refusal(tmp_path / "flat", root)
    (folder / "train" / "empty class").mkdir()
    assert "has class folders without images: empty class" in refusal(folder, root)
    (folder / "train").rename(folder / "training")
    assert "has a folder `test` but none named `train`" in refusal(folder, root)


def test_a_class_with_test_images_only_is_refused(folder: Path, root: Path) -> None:
    """What nothing could learn is named; a class without a test image is reported only."""
    save(picture(), folder / "train" / "bird" / "0.png")
    assert "classes without a test image: bird" in notes(prepare_folder(folder, "ok", root))
    (folder / "train" / "bird").rename(folder / "test" / "bird")
    with pytest.raises(InputError, match="class: 'bird' has test images but no training image"):
        prepare_folder(folder, "own", root)
    assert not (root / "own").exists()


def test_other_files_are_ignored_and_counted(folder: Path, root: Path) -> None:
    """Notes and stray folders beside the images do not stop a preparation."""
    (folder / "train" / "cat" / "notes.txt").write_text("hello")
    (folder / "train" / "cat" / ".DS_Store").write_text("hidden")
    save(picture(), folder / "train" / "stray.png")
    save(picture(), folder / "extra" / "cat" / "0.png")
    report = notes(prepare_folder(folder, "own", root))
    assert "ignored 2 files of train that are no images in a class folder (1 .txt, 1 .png)" in report
    assert "ignored beside train and test: extra" in report


def test_numbered_class_folders_sort_as_numbers(root: Path, tmp_path: Path) -> None:
    """Class 10 comes after class 9."""
    for name in ("10", "9", "1"):
        for i in range(2):
            save(picture(), tmp_path / "tree" / name / f"{i}.png")
    assert prepare_folder(tmp_path / "tree", "own", root).class_names == ("1", "9", "10")


def test_a_class_name_that_is_no_unicode_is_refused(folder: Path, root: Path) -> None:
    """A folder name of stray bytes is shown escaped, and does not break the output."""
    (folder / "train" / "cat").rename(folder / "train" / "c\udcfft")
    message = refusal(folder, root)
    assert "class name that is not Unicode" in message
    message.encode()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 7}, "size: 7 must be 8 to 256"),
        ({"test_fraction": 1.0}, "test_fraction: 1.0 must be between 0 and 1"),
    ],
)
def test_options_out_of_range_are_refused(
    folder: Path, root: Path, options: dict[str, Any], words: str
) -> None:
    """Field, value and range are named."""
    assert words in refusal(folder, root, **options)


@pytest.mark.parametrize("name", ["mnist", "fashion_mini", "a b", "../x", "", "x/y", "ü"])
def test_names_that_cannot_be_used_are_refused(folder: Path, root: Path, name: str) -> None:
    """A known set's name, or one that is no plain folder name."""
    with pytest.raises(InputError, match="name: "):
        prepare_folder(folder, name, root)
    assert not root.exists()


def test_a_set_is_never_overwritten(folder: Path, root: Path) -> None:
    """A second set of the same name is refused, and the first one stays as it was."""
    prepare_folder(folder, "own", root)
    before = file_sha256(root / "own" / "train.parquet")
    save(picture(), folder / "train" / "cat" / "new.png")
    with pytest.raises(InputError, match="name: 'own' is taken"):
        prepare_folder(folder, "own", root)
    assert file_sha256(root / "own" / "train.parquet") == before


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
    done = prepare_folder(tmp_path / "in", "own", root)
    assert read_split(root / "own" / "train.parquet").labels.tolist() == [2, 1, 2, 0]
    assert read_split(root / "own" / "test.parquet").labels.tolist() == [1, 2]
    assert "labels as text were mapped to numbers" in notes(done)
    assert "0=ape, 1=cat, 2=dog" in str(done)


def test_parquet_with_numbers_keeps_them(tmp_path: Path, root: Path) -> None:
    """Integer labels stay, gaps are reported, and images in a struct's field `bytes` are found."""
    images = [{"bytes": encode_png(np.asarray(picture())), "path": "x"} for _ in range(5)]
    parquet(tmp_path / "in" / "any name.parquet", 5, [0, 0, 0, 2, 2], images)
    done = prepare_folder(tmp_path / "in", "own", root)
    assert done.class_names == ("0", "1", "2")
    assert "classes without any image: 1" in notes(done)
    assert sorted(read_split(root / "own" / "train.parquet").labels) == [0, 0, 2]


def test_parquet_without_labels_is_a_foreign_source(tmp_path: Path, root: Path) -> None:
    """Labels of -1 are allowed with a note, and the set can join a pool."""
    parquet(tmp_path / "in" / "train.parquet", 5, [-1] * 5, metadata={"class_names": '["a", "b"]'})
    assert "5 images have no label" in notes(prepare_folder(tmp_path / "in", "own", root))
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
        ([0, 1, 1], [b"x", b"", b"z"], None, "train.parquet row 0' is no image file"),
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


def test_a_data_root_that_cannot_be_written_is_refused(folder: Path, tmp_path: Path) -> None:
    """A file where the data root should be: one line."""
    blocked = tmp_path / "data"
    blocked.write_text("a file")
    with pytest.raises(InputError, match=r"data root: .* cannot be written"):
        prepare_folder(folder, "own", blocked / "deep")


def test_the_command_reports_and_names_the_set(folder: Path, root: Path) -> None:
    """`dalbt data prepare FOLDER` without a name takes the folder's own."""
    plain = folder.rename(folder.with_name("pets"))
    text = data_prepare(str(plain), "", root)
    assert "pets: 15 train, 6 test images, 10x12 RGB" in text
    assert "dataset='pets'" in text
