"""Splits: disjoint, complete, seeded, independent of storage order, and the paper's sizes."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dalbt_ray.data.splits import Splits, SplitSettings, draw_splits, paper_splits
from dalbt_ray.errors import InputError


def draw(labels: np.ndarray, ood: int = 0, seed: int = 0, **sizes: Any) -> Splits:
    """Splits of `labels` with the generator of `seed`."""
    chosen = SplitSettings(**{"train_limit": None, **sizes})
    return draw_splits(labels, ood, chosen, np.random.default_rng(seed))


@settings(deadline=None)
@given(
    n=st.integers(3, 200),
    classes=st.integers(1, 7),
    balance=st.sampled_from(["random", "class"]),
    data=st.data(),
)
def test_splits_partition_the_usable_rows(n: int, classes: int, balance: str, data: st.DataObject) -> None:
    """Every in-distribution row has exactly one role, OOD rows are distinct, and sizes are as asked."""
    initial = data.draw(st.integers(0, n - 2))
    validation = data.draw(st.integers(0, n - 1 - initial))
    ood = data.draw(st.integers(0, 20))
    labels = np.random.default_rng(1).integers(0, classes, n)
    s = draw(
        labels,
        20,
        initial_size=initial,
        validation_size=validation,
        initial_balance=balance,
        ood_count=ood,
    )
    assert [len(s.initial), len(s.validation), len(s.ood)] == [initial, validation, ood]
    assert sorted([*s.initial, *s.validation, *s.unlabeled]) == list(range(n))
    assert set(s.ood) <= set(range(20))
    assert len(set(s.ood)) == ood
    assert all(rows.dtype == np.int64 for rows in (s.initial, s.validation, s.unlabeled, s.ood))


def test_same_seed_same_splits_other_seed_other_splits() -> None:
    """The generator alone decides."""
    labels = np.arange(100) % 10
    a, b, c = (draw(labels, 50, seed, initial_size=20, validation_size=20, ood_count=9) for seed in (1, 1, 2))
    assert (a.initial == b.initial).all()
    assert (a.ood == b.ood).all()
    assert (a.initial != c.initial).any()
    assert (a.validation != c.validation).any()
    assert (a.ood != c.ood).any()


def test_validation_does_not_depend_on_the_initial_set() -> None:
    """Trials that differ in the initial set's size or balance are calibrated on the same images."""
    labels = np.arange(100) % 10
    a = draw(labels, initial_size=10, validation_size=20)
    b = draw(labels, initial_size=40, validation_size=20, initial_balance="class")
    assert (a.validation == b.validation).all()


def test_train_limit_uses_the_first_rows_only() -> None:
    """No in-distribution row at or beyond the limit is used; OOD rows are not limited."""
    s = draw(np.arange(100) % 10, 5, initial_size=10, validation_size=10, train_limit=50, ood_count=5)
    assert sorted([*s.initial, *s.validation, *s.unlabeled]) == list(range(50))
    assert list(s.ood) == [0, 1, 2, 3, 4]


def test_a_set_smaller_than_train_limit_is_used_whole() -> None:
    """The limit means "at most": with the default of 50,000 a set of 60 images is split as it is without a limit."""
    labels = np.arange(60) % 3
    sizes = {"initial_size": 5, "validation_size": 10}
    limited = draw_splits(labels, 0, SplitSettings(**sizes), np.random.default_rng(0))
    whole = draw(labels, **sizes)
    assert sorted([*limited.initial, *limited.validation, *limited.unlabeled]) == list(range(60))
    assert (limited.unlabeled == whole.unlabeled).all()


def test_without_an_initial_set_all_but_validation_is_unlabeled() -> None:
    """`initial_size=0` draws the same validation set, and what would have been initial is unlabeled."""
    labels = np.arange(100) % 10
    cold, warm = (draw(labels, initial_size=n, validation_size=20) for n in (0, 10))
    assert len(cold.initial) == 0
    assert (cold.validation == warm.validation).all()
    assert sorted(cold.unlabeled) == sorted([*warm.initial, *warm.unlabeled])


@pytest.mark.parametrize(
    ("n", "sizes"), [(1_150, {}), (60, {}), (60, {"initial_size": 55}), (2, {"initial_size": 1})]
)
def test_the_suggested_sizes_fit(n: int, sizes: dict[str, Any]) -> None:
    """Sizes that leave nothing are refused once; typed as the message says, they fit."""
    labels = np.arange(n) % 2
    with pytest.raises(InputError, match=f"of {n} training images") as refusal:
        draw(labels, **sizes)
    typed = re.findall(r"--set splits\.(\w+)=(\d+)", str(refusal.value))
    assert typed
    assert len(draw(labels, **{**sizes, **{name: int(value) for name, value in typed}}).unlabeled) > 0


def test_class_balance_is_exact_and_its_remainder_is_random() -> None:
    """23 of 10 classes: each class gets 2 or 3, and which get 3 depends on the seed."""
    labels = np.repeat(np.arange(10), 30)
    extra = set()
    for seed in range(5):
        s = draw(labels, 0, seed, initial_size=23, validation_size=0, initial_balance="class")
        counts = np.bincount(labels[s.initial], minlength=10)
        assert sorted(counts) == [2] * 7 + [3] * 3
        extra.add(tuple(np.flatnonzero(counts == 3)))
    assert len(extra) > 1


def test_class_balance_fills_up_when_a_class_is_rare() -> None:
    """A class with one image gives that one; the others make up for it."""
    labels = np.array([0] * 50 + [1] * 50 + [2])
    s = draw(labels, initial_size=21, validation_size=0, initial_balance="class")
    assert list(np.bincount(labels[s.initial])) == [10, 10, 1]


def test_random_draw_is_uniform_on_a_set_stored_by_class() -> None:
    """On class-sorted rows every row is about equally often in the initial set (chi-square, 99.9 % bound)."""
    labels = np.repeat(np.arange(4), 5)
    hits = np.zeros(20)
    for seed in range(500):
        hits[draw(labels, 0, seed, initial_size=5, validation_size=5).initial] += 1
    # Draws without replacement scatter less than the multinomial law by the factor (1 - 5/20).
    chi_square = ((hits - 125) ** 2 / 125).sum() / 0.75
    assert chi_square < 43.8  # 19 degrees of freedom


@pytest.mark.parametrize(
    ("dataset", "n", "sizes"),
    [
        ("mnist", 60_000, (100, 5_000, 44_900)),
        ("fashion_mnist", 60_000, (100, 5_000, 44_900)),
        ("cifar10", 50_000, (5_000, 5_000, 40_000)),
    ],
)
def test_paper_splits(dataset: str, n: int, sizes: tuple[int, int, int]) -> None:
    """The paper's numbers of initial, validation and unlabeled images, and 10,000 OOD ones when mixed."""
    labels = np.arange(n) % 10
    s = draw_splits(labels, 10_000, paper_splits(dataset, mixed=True), np.random.default_rng(0))
    assert (len(s.initial), len(s.validation), len(s.unlabeled)) == sizes
    assert len(s.ood) == 10_000
    assert paper_splits(dataset).ood_count == 0


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"initial_size": -1, "validation_size": 1}, "splits.initial_size: -1 must be at least 0"),
        ({"initial_size": 1, "validation_size": -1}, "splits.validation_size: -1 must be at least 0"),
        ({"initial_size": 1.5, "validation_size": 1}, "splits.initial_size: 1.5 must be a whole number"),
        ({"initial_size": 60, "validation_size": 40}, "60 + 40 = 100"),
        ({"initial_size": 0, "validation_size": 100}, "0 + 100 = 100"),
        ({"initial_size": 1, "validation_size": 1, "ood_count": 6}, "--set splits.ood_count=5"),
        ({"initial_size": 1, "validation_size": 1, "train_limit": 0}, "splits.train_limit: 0"),
        ({"initial_size": 1, "validation_size": 1, "train_limit": 80}, "classes 8, 9"),
        ({"initial_size": 1, "validation_size": 1, "pool_size": 99}, "--set splits.pool_size=98"),
        ({"initial_size": 1, "validation_size": 1, "initial_balance": "clas"}, "did you mean 'class'"),
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, Any], words: str) -> None:
    """Each impossible request is one line that names field and value."""
    with pytest.raises(InputError) as refusal:
        draw(np.repeat(np.arange(10), 10), 5, **sizes)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_unknown_dataset_has_no_paper_splits() -> None:
    """The message offers the nearest name."""
    with pytest.raises(InputError, match="did you mean 'cifar10'"):
        paper_splits("cifar100")


def test_a_smaller_pool_is_drawn_from_what_is_left() -> None:
    """`pool_size` shrinks what is unlabeled and nothing else."""
    labels = np.arange(200) % 4
    whole = draw_splits(labels, 0, replace(SIZES, train_limit=None), np.random.default_rng(0))
    small = draw_splits(labels, 0, replace(SIZES, train_limit=None, pool_size=9), np.random.default_rng(0))
    assert len(np.unique(small.unlabeled)) == 9
    assert np.isin(small.unlabeled, whole.unlabeled).all()
    assert (small.initial == whole.initial).all()
    assert (small.validation == whole.validation).all()


SIZES = SplitSettings(initial_size=10, validation_size=20)


def test_named_images_are_the_initial_set_of_every_seed() -> None:
    """By id and not by row; the others still have one role each."""
    labels, ids = np.arange(40) % 4, np.arange(40)[::-1] + 100
    wanted = (103, 139, 111)
    chosen = SplitSettings(train_limit=None, initial_size=3, validation_size=5, initial_ids=wanted)
    for seed in range(3):
        found = draw_splits(labels, 0, chosen, np.random.default_rng(seed), ids)
        assert set(ids[found.initial]) == set(wanted)
        assert sorted([*found.initial, *found.validation, *found.unlabeled]) == list(range(40))
        assert len(found.validation) == 5
    with pytest.raises(InputError, match=r"^splits.initial_ids: 103 is no id"):
        draw_splits(labels, 0, chosen, np.random.default_rng(0))
    for changes in ({"initial_size": 4}, {"initial_balance": "class"}, {"initial_ids": (103, 103, 111)}):
        with pytest.raises(InputError, match=r"^splits.initial_ids: '3 ids' do not fit"):
            replace(chosen, **changes)
