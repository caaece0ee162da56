"""Class splits: known classes, their numbers, and the share of OOD images."""

from dataclasses import replace

import numpy as np
import pytest

from dalbt_ray.config import Trial
from dalbt_ray.data.pool_rows import PoolRows
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.errors import InputError
from dalbt_ray.trial.oracle import Oracle
from tests.small_trials import small_image_set, small_trial

NAMES = ("ant", "bee", "cat", "dog", "eel")
SIZES = SplitSettings(train_limit=None, initial_size=10, validation_size=10)


def draw(seed: int = 0, n: int = 200, foreign: int = 0, **changes: object) -> tuple[PoolRows, np.ndarray]:
    """The rows of a set of five classes in turn, and the set's own labels."""
    labels = np.append(np.arange(n) % 5, np.full(foreign, -1))
    settings = replace(SIZES, **changes)  # type: ignore[arg-type]
    return PoolRows.draw(labels, n, NAMES, settings, seed), labels


@pytest.mark.parametrize("seed", range(4))
def test_every_image_is_of_a_known_class_or_out_of_distribution(seed: int) -> None:
    """Initial, validation and in-distribution images are of the two known classes; all others of the set are OOD."""
    drawn, labels = draw(seed, known_classes=2)
    known = drawn.classes.known
    assert len(known) == 2
    own = np.concatenate([drawn.splits.initial, drawn.splits.validation, drawn.splits.unlabeled])
    assert sorted(own) == sorted(np.flatnonzero(np.isin(labels, known)))
    assert sorted(drawn.splits.ood) == sorted(np.flatnonzero(~np.isin(labels, known)))
    for row in own:  # numbered anew from 0, in the order of the set
        assert drawn.labels[row] == list(known).index(labels[row])


def test_the_seed_draws_the_classes_and_names_fix_them() -> None:
    """Ten seeds do not all choose the same two; named classes are the same for every seed, whatever their order."""
    assert len({tuple(draw(seed, known_classes=2)[0].classes.known) for seed in range(10)}) > 1
    for seed in range(3):
        assert draw(seed, known_names=("eel", "bee"))[0].classes.known.tolist() == [1, 4]


@pytest.mark.parametrize(
    ("share", "foreign", "pool_size", "own", "ood"),
    [(0.2, 100, None, 180, 45), (0.5, 60, None, 60, 60), (0.6, 100, 40, 40, 60), (0.25, 100, 150, 150, 50)],
)
def test_the_pool_is_the_largest_with_the_asked_share(
    share: float, foreign: int, pool_size: int | None, own: int, ood: int
) -> None:
    """Images of whichever kind there are too many of are left out, at random."""
    drawn, _ = draw(foreign=foreign, ood_share=share, pool_size=pool_size)
    assert (len(drawn.splits.unlabeled), len(drawn.splits.ood)) == (own, ood)


def test_the_splits_of_a_seed_do_not_depend_on_the_share() -> None:
    """Initial and validation images stay, so that settings differ in their pools alone."""
    one, other = (draw(3, known_classes=3, ood_share=share)[0].splits for share in (0.1, 0.3))
    assert one.initial.tolist() == other.initial.tolist()
    assert one.validation.tolist() == other.validation.tolist()


def test_a_trial_is_tested_on_its_known_classes_only() -> None:
    """Test labels are numbered as the pool's, and what the annotator says of another class is that it is OOD."""
    image_set = small_image_set(own=150, classes=3)
    splits = replace(small_trial().splits, known_names=("a", "c"))
    oracle = Oracle.prepare(replace(small_trial(), splits=splits), image_set)
    truth = image_set.test_labels[oracle.test_images.places]
    assert set(truth) == {0, 2}
    np.testing.assert_array_equal(oracle.test_labels, truth // 2)
    for row, place in enumerate(oracle.images.places):
        said, label = oracle.answer(row), int(image_set.labels[place])
        assert said["source"] == "squares"
        assert (said["label"], said["is_ood"]) == ((-1, True) if label == 1 else (label // 2, False))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"known_classes": 5}, "leaves no class of 5 to be out-of-distribution"),
        ({"known_names": ("ant", "yak")}, "'yak' is no class of the set"),
    ],
)
def test_impossible_splits_are_refused(changes: dict[str, object], told: str) -> None:
    """Before anything is trained, with what would do."""
    with pytest.raises(InputError, match=told):
        draw(**changes)


@pytest.mark.parametrize(
    ("splits", "changes", "field"),
    [
        ({"known_classes": 2, "known_names": ("ant", "bee")}, {}, "splits.known_names"),
        ({"known_names": ("ant", "ant")}, {}, "splits.known_names"),
        ({"ood_count": 5, "ood_share": 0.5}, {"ood": "kmnist"}, "splits.ood_share"),
        ({"known_classes": 2, "ood_count": 5}, {"ood": "kmnist"}, "ood"),
        ({"ood_share": 0.5}, {}, "splits.ood_count"),
    ],
)
def test_two_ways_of_saying_one_thing_are_refused(
    splits: dict[str, object], changes: dict[str, object], field: str
) -> None:
    """The message names the field."""
    with pytest.raises(InputError, match=f"^{field}:"):
        Trial(splits=SplitSettings(**splits), **changes)  # type: ignore[arg-type]
