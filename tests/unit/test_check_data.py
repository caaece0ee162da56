"""Splits that do not fit the images are refused before training, for every seed and by the images' own ids."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dalbt_ray.config import Trial
from dalbt_ray.data.class_split import ClassSplit
from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.data.split_file import SetMetadata, read_labels
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError
from dalbt_ray.launch.plan import check_data
from dalbt_ray.seeding import generator

NAMES = ("ant", "bee", "cat", "dog", "eel", "fox")


def known(settings: SplitSettings, seed: int) -> set[int]:
    """The classes that a seed draws."""
    return {*ClassSplit.draw(settings, NAMES, generator(seed, 0, "known_classes")).known.tolist()}


def test_every_seed_of_a_class_split_has_to_fit(tmp_path: Path) -> None:
    """The classes that seed 0 draws have 40 images each, all others 5: a seed of two others is refused."""
    splits = SplitSettings(train_limit=None, initial_size=10, validation_size=20, known_classes=2)
    large = known(splits, 0)
    other = next(seed for seed in range(1, 1_000) if not known(splits, seed) & large)
    counts = {"train": [40 if label in large else 5 for label in range(6)], "test": [2] * 6}
    for split, sizes in counts.items():
        labels = np.repeat(np.arange(6), sizes)
        images = map(encode_png, np.zeros((len(labels), 8, 8, 1), np.uint8))
        path = tmp_path / "own" / f"{split}.parquet"
        write_split(path, np.arange(len(labels)), images, labels, SetMetadata(class_names=NAMES))
    trial = Trial(dataset="own", splits=splits)
    check_data([trial], tmp_path)
    with pytest.raises(InputError, match="nothing to acquire of 10 training images of known classes"):
        check_data([trial, replace(trial, seed=other)], tmp_path)


def test_named_images_are_named_by_their_ids() -> None:
    """Ids of the embedded images are those of the official set: beyond their number, and with gaps."""
    ids = read_labels(ImageSetFiles.find("fashion_mini", "", None).train)[0]
    there, row = int(ids.max()), next(row for row in range(len(ids)) if row not in set(ids.tolist()))
    assert there >= len(ids)
    splits = SplitSettings(train_limit=None, initial_size=2, validation_size=50)
    check_data(
        [Trial(dataset="fashion_mini", splits=replace(splits, initial_ids=(int(ids[0]), there)))], None
    )
    absent = replace(splits, initial_ids=(int(ids[0]), row))
    with pytest.raises(InputError, match=f"initial_ids: {row} is no id"):
        check_data([Trial(dataset="fashion_mini", splits=absent)], None)
