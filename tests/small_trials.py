"""Tiny image_sets and trials for tests of the round loop: noisy 12x12 digits that LeNet learns in a few steps."""

import numpy as np

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.image_set import ArrayImages, ImageSet
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.strategies import get_strategy


def small_image_set(own: int = 120, ood: int = 0, classes: int = 3) -> ImageSet:
    """`own` images whose class is the position of a bright square, then `OOD` images of noise."""
    rng = np.random.default_rng(7)
    labels = np.arange(own + 30) % classes
    images = rng.integers(0, 60, (own + 30 + ood, 12, 12, 1), dtype=np.uint8)
    for index, label in enumerate(labels):
        images[index, 3 * label : 3 * label + 3, 2:9] += 150
    return ImageSet(
        images=ArrayImages(np.concatenate([images[:own], images[own + 30 :]])),
        labels=np.concatenate([labels[:own], np.full(ood, -1)]).astype(np.int32),
        in_distribution_count=own,
        sample_ids=np.concatenate([np.arange(own), np.arange(ood)]).astype(np.int64),
        sources=("squares", "noise" if ood else ""),
        test_images=images[own : own + 30],
        test_labels=labels[own:].astype(np.int32),
        classes=classes,
        class_names=tuple("abc"[:classes]),
        data_hash="0" * 64,
        test_in_train=0,
        ood_in_train=0,
        conversion="",
    )


def small_trial(strategy: str = "random", *, ood: int = 0, **changes: object) -> Trial:
    """A trial of seconds: 12 initial labels, 6 acquired a round, four epochs."""
    settings: dict[str, object] = {
        "dataset": "squares",
        "ood": "noise" if ood else "",
        "strategy": get_strategy(strategy),
        "objective": Supervised(),
        "budget": 6,
        "rounds": 2,
        "splits": SplitSettings(train_limit=None, initial_size=12, validation_size=20, ood_count=ood),
        "training": Training(epochs=4, batch_size=8),
    }
    return Trial(**(settings | changes))  # type: ignore[arg-type]
