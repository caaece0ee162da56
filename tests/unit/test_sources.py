"""Finding sets and building the image_set: precedence, refusals, identity, and what is inside."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalbt_ray.data.catalog import EMBEDDED, KNOWN_SETS
from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.image_set import ArrayImages, ImageSetFiles, build_image_set, load_image_set
from dalbt_ray.data.mixing import fit_images
from dalbt_ray.data.prepare.listing import data_list, data_prepare, list_sets
from dalbt_ray.data.sources import EMBEDDED_ROOT, data_root_from, find_set
from dalbt_ray.data.split_file import SetMetadata, file_sha256, read_split
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.errors import InputError
from tests.user_folders import pictures

GRAY = (8, 9, 1)


def put(
    root: Path,
    name: str,
    splits: dict[str, np.ndarray],
    labels: int | None = None,
    metadata: SetMetadata | None = None,
) -> None:
    """Write splits of images, labels 0, 1, 2, 0, ... unless one label is given for all."""
    for split, images in splits.items():
        values = np.arange(len(images)) % 3 if labels is None else np.full(len(images), labels)
        ids = 50 + np.arange(len(images))
        encoded = map(encode_png, images)
        write_split(root / name / f"{split}.parquet", ids, encoded, values, metadata or SetMetadata())


def refusal(name: str, root: Path | None, ood: str = "") -> str:
    """The message with which an image set is refused."""
    with pytest.raises(InputError) as error:
        load_image_set(name, ood, root)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_embedded_sets_need_nothing() -> None:
    """Without a data root: sizes, balance, shapes, names, and not one image repeated across the splits."""
    image_set = load_image_set("fashion_mini", "kmnist_mini")
    assert image_set.images.shape == (28, 28, 1)
    assert (len(image_set.images), image_set.in_distribution_count, len(image_set.test_images)) == (
        12_000,
        10_000,
        2_000,
    )
    assert np.bincount(image_set.labels[:10_000]).tolist() == [1_000] * 10
    assert np.bincount(image_set.test_labels).tolist() == [200] * 10
    assert (image_set.labels[10_000:] == -1).all()
    assert image_set.class_names == KNOWN_SETS["fashion_mnist"].class_names
    assert (image_set.test_in_train, image_set.ood_in_train) == (0, 0)


def test_embedded_sets_carry_their_license() -> None:
    """Each folder has the license's text, and each file names the license."""
    for name in EMBEDDED:
        assert (EMBEDDED_ROOT / name / "LICENCE").is_file()
        assert find_set(name, None).licence == KNOWN_SETS[name].licence
    assert "Zalando" in (EMBEDDED_ROOT / "fashion_mini" / "LICENCE").read_text()
    assert "CODH" in (EMBEDDED_ROOT / "kmnist_mini" / "LICENCE").read_text()


def test_in_distribution_rows_come_first_then_ood_ones(tmp_path: Path) -> None:
    """Images, labels and ids of the image_set are the files' rows in order; OOD ones fitted, their labels hidden."""
    own, test, ood = pictures(5, GRAY), pictures(4, GRAY), pictures(6, (10, 12, 3))
    put(tmp_path, "own", {"train": own, "test": test})
    put(tmp_path, "other", {"train": ood})
    image_set = load_image_set("own", "other", tmp_path)
    np.testing.assert_array_equal(image_set.images.take(np.arange(5)), own)
    np.testing.assert_array_equal(image_set.images.take(np.arange(5, 11)), fit_images(ood, (8, 9, 1)))
    np.testing.assert_array_equal(image_set.test_images, test)
    assert image_set.labels.tolist() == [0, 1, 2, 0, 1] + [-1] * 6
    assert image_set.sample_ids.tolist() == [50, 51, 52, 53, 54, 50, 51, 52, 53, 54, 55]
    assert (image_set.classes, image_set.class_names, image_set.sources) == (
        3,
        ("0", "1", "2"),
        ("own", "other"),
    )
    assert image_set.conversion.startswith("10x12 RGB: RGB to gray")


def test_file_names_travel_by_row(tmp_path: Path) -> None:
    """The names of the data set's files, then of the OOD set's, empty where unknown; None if there are none at all."""
    for name, files in (("own", ["a/1.jpg", None]), ("other", ["x.jpg", "y.jpg"]), ("old", None)):
        for split in ("train", "test"):
            path = tmp_path / name / f"{split}.parquet"
            write_split(
                path, np.arange(2), map(encode_png, pictures(2, GRAY)), np.arange(2), SetMetadata(), files
            )
    assert load_image_set("own", "other", tmp_path).files == ("a/1.jpg", "", "x.jpg", "y.jpg")
    assert load_image_set("old", "other", tmp_path).files == ("", "", "x.jpg", "y.jpg")
    assert load_image_set("old", "", tmp_path).files is None


def test_unlabeled_images_stay_out_of_a_sweep(tmp_path: Path) -> None:
    """They lie in a file of their own: it is listed, and changes neither the image set nor its hash."""
    put(tmp_path, "own", {"train": pictures(5, GRAY), "test": pictures(3, GRAY)})
    before = ImageSetFiles.find("own", "", tmp_path)
    put(tmp_path, "own", {"unlabeled": pictures(4, GRAY)}, labels=-1)
    assert ImageSetFiles.find("own", "", tmp_path) == before
    assert len(load_image_set("own", "", tmp_path).images) == 5
    assert find_set("own", tmp_path).unlabeled == tmp_path / "own" / "unlabeled.parquet"
    assert ("own", "unlabeled") in {(row.name, row.split) for row in list_sets(tmp_path)}


@given(n=st.integers(1, 30), size=st.integers(1, 40))
def test_batches_cover_every_row_once(n: int, size: int) -> None:
    """Joined, the batches are the array; each but the last has the asked size."""
    array = np.arange(n * 64, dtype=np.uint8).reshape(n, 8, 8, 1)
    parts = list(ArrayImages(array).batches(size))
    assert [first for first, _ in parts] == list(range(0, n, size))
    np.testing.assert_array_equal(np.concatenate([images for _, images in parts]), array)


def test_the_shared_images_cannot_be_written(tmp_path: Path) -> None:
    """Trials share the array, so a write is an error and `take` gives a copy."""
    put(tmp_path, "own", {"train": pictures(3, GRAY), "test": pictures(2, GRAY)})
    images = load_image_set("own", "", tmp_path).images
    with pytest.raises(ValueError, match="read-only"):
        next(images.batches(2))[1][0] = 0
    taken = images.take(np.array([0]))
    taken[:] = 0
    assert images.take(np.array([0])).any()


def test_repeated_images_are_counted(tmp_path: Path) -> None:
    """Two test images and one OOD image that lie in the training set are reported, not refused."""
    train = pictures(5, GRAY)
    put(tmp_path, "own", {"train": train, "test": np.concatenate([train[:2], pictures(3, GRAY)])})
    put(tmp_path, "other", {"train": np.concatenate([pictures(2, GRAY), train[4:]])})
    image_set = load_image_set("own", "other", tmp_path)
    assert (image_set.test_in_train, image_set.ood_in_train) == (2, 1)


def test_the_data_root_goes_before_the_embedded_sets(tmp_path: Path) -> None:
    """A set of the same name under the data root is used."""
    put(tmp_path, "fashion_mini", {"train": pictures(4, (28, 28, 1)), "test": pictures(3, (28, 28, 1))})
    assert len(load_image_set("fashion_mini", "", tmp_path).images) == 4
    assert len(load_image_set("fashion_mini", "", tmp_path / "elsewhere").images) == 10_000


def test_the_data_hash_names_exactly_what_is_used(tmp_path: Path) -> None:
    """It is the same wherever the files lie, and another for each file, OOD set or shape that changes."""
    for root in (tmp_path / "a", tmp_path / "b"):
        rng = np.random.default_rng(5)
        for name in ("own", "other", "unused"):
            images = rng.integers(0, 256, (2, 4, 8, 8, 1), np.uint8)
            put(root, name, {"train": images[0], "test": images[1]})
    hashes = [ImageSetFiles.find("own", ood, tmp_path / "a").data_hash for ood in ("", "other", "unused")]
    assert len(set(hashes)) == 3
    assert ImageSetFiles.find("own", "other", tmp_path / "b").data_hash == hashes[1]
    put(tmp_path / "b", "unused", {"train": pictures(4, GRAY)})
    assert ImageSetFiles.find("own", "other", tmp_path / "b").data_hash == hashes[1]
    put(tmp_path / "b", "own", {"test": pictures(4, (8, 8, 1))})
    assert ImageSetFiles.find("own", "other", tmp_path / "b").data_hash != hashes[1]
    put(tmp_path / "a", "own", {"train": pictures(4, GRAY)}, metadata=SetMetadata(input_shape=(12, 12, 1)))
    assert ImageSetFiles.find("own", "", tmp_path / "a").shape == (12, 12, 1)


def test_another_place_for_the_images_gives_the_same_image_set() -> None:
    """`build_image_set` with given images, as the Ray backend calls it, equals `load_image_set`."""
    files = ImageSetFiles.find("fashion_mini", "kmnist_mini", None)
    loaded = load_image_set("fashion_mini", "kmnist_mini")
    built = build_image_set(
        files, ArrayImages(np.concatenate([read_split(p).images for p in files.pool_files]))
    )
    assert built.data_hash == loaded.data_hash
    np.testing.assert_array_equal(built.labels, loaded.labels)
    np.testing.assert_array_equal(built.images.take(np.arange(12_000)), loaded.images.take(np.arange(12_000)))


def test_one_split_serves_as_an_ood_source_only(tmp_path: Path) -> None:
    """A set with a test split alone joins a pool, and is refused as the set of a sweep with path and command."""
    put(tmp_path, "kmnist", {"test": pictures(3, (28, 28, 1))})
    assert len(load_image_set("fashion_mini", "kmnist", tmp_path).images) == 10_003
    message = refusal("kmnist", tmp_path)
    assert "has no train split" in message
    assert str(tmp_path / "kmnist" / "train.parquet") in message
    assert "dalbt data prepare kmnist" in message


def test_train_goes_before_test_as_an_ood_source(tmp_path: Path) -> None:
    """With both splits there, OOD images come from train."""
    put(tmp_path, "other", {"train": pictures(3, GRAY), "test": pictures(2, GRAY)})
    assert find_set("other", tmp_path).ood_split.name == "train.parquet"


def test_a_known_set_that_is_not_there(tmp_path: Path) -> None:
    """Expected path, command and alternative in one line, and no folder is made."""
    message = refusal("mnist", tmp_path / "data")
    for words in (str(tmp_path / "data" / "mnist"), "dalbt data prepare mnist", "fashion_mini"):
        assert words in message
    assert not (tmp_path / "data").exists()
    assert "no data root is given" in refusal("mnist", None)


@pytest.mark.parametrize(
    ("name", "near"), [("mnits", "mnist"), ("fashion-mini", "fashion_mini"), ("pats", "pets")]
)
def test_an_unknown_set_names_the_nearest(tmp_path: Path, name: str, near: str) -> None:
    """Known sets and the user's own are both offered."""
    put(tmp_path, "pets", {"train": pictures(3, GRAY)})
    assert f"did you mean '{near}'?" in refusal(name, tmp_path)
    assert f"did you mean '{near}'?" in refusal("fashion_mini", tmp_path, ood=name)


def test_a_path_is_no_name(tmp_path: Path) -> None:
    """A name cannot leave the data root."""
    put(tmp_path / "out", "set", {"train": pictures(3, GRAY), "test": pictures(3, GRAY)})
    assert "is not a known set" in refusal("../out/set", tmp_path / "root")


def test_own_images_without_labels_are_refused(tmp_path: Path) -> None:
    """The oracle must know every answer; as an OOD source the same set is fine."""
    put(
        tmp_path, "own", {"train": pictures(3, GRAY)}, labels=-1, metadata=SetMetadata(class_names=("a", "b"))
    )
    put(tmp_path, "own", {"test": pictures(3, GRAY)}, metadata=SetMetadata(class_names=("a", "b", "c")))
    assert "3 images without a label, the first with id 50" in refusal("own", tmp_path)
    assert load_image_set("fashion_mini", "own", tmp_path).in_distribution_count == 10_000


def test_labels_beyond_the_known_classes_are_refused(tmp_path: Path) -> None:
    """A known set has ten classes, whatever a file holds."""
    put(tmp_path, "mnist", {"train": pictures(3, GRAY), "test": pictures(3, GRAY)}, labels=10)
    assert "3 labels out of range" in refusal("mnist", tmp_path)


def test_data_root_comes_from_the_given_environment(tmp_path: Path) -> None:
    """`$DALBT_DATA` first, then the user's cache folder."""
    assert data_root_from({"DALBT_DATA": str(tmp_path), "HOME": "/h"}) == tmp_path
    assert data_root_from({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/dalbt-ray")
    assert data_root_from({"DALBT_DATA": "", "HOME": "/h"}) == Path("/h/.cache/dalbt-ray")


def test_the_listing_shows_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    """A row per split with its hash; a missing set and a damaged file each say so, and hide no other row."""
    put(tmp_path, "pets", {"train": pictures(3, GRAY)})
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train.parquet").write_bytes(b"PAR1")
    rows = {(row.name, row.split): row for row in list_sets(tmp_path)}
    pets = rows["pets", "train"]
    assert (pets.images, pets.shape, pets.classes) == (3, "8x9 gray", 3)
    assert pets.sha256 == file_sha256(tmp_path / "pets" / "train.parquet")[:16]
    assert rows["cifar10", ""].problem == "not here: dalbt data prepare cifar10"
    assert "damaged" in rows["mnist", ""].problem
    assert ("fashion_mini", "test") in rows
    text = data_list(tmp_path)
    assert pets.sha256 in text
    assert "cifar10: not here" in text


def test_preparing_what_is_neither_set_nor_folder(tmp_path: Path) -> None:
    """The nearest known name is offered; an embedded set needs nothing."""
    with pytest.raises(InputError, match="did you mean 'cifar10'"):
        data_prepare("cifr10", "", tmp_path)
    assert "nothing to do" in data_prepare("fashion_mini", "", tmp_path)
