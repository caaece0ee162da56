"""Which rows of a set a trial uses for what: drawn once per seed, the same for every strategy."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.errors import InputError
from dalbt_ray.options.ranges import AtLeastTwo, BelowOne, Count, Whole
from dalbt_ray.options.value import Value

InitialBalance = Literal["random", "class"]


@dataclass(frozen=True, kw_only=True)
class SplitSettings(Value):
    """How many images of a training set serve which purpose; the defaults are the paper's for MNIST.

    Attributes:
        train_limit: use at most the first so many training images; None is all.
        initial_size: labeled images that round 0 trains on; 0 leaves the first labels to the strategy too (or to
            its `fallback`), and round 0 trains nothing.
        validation_size: held-out images, never in the pool.
        initial_balance: draw the initial set uniformly, or with the classes as equal as they can be.
        ood_count: OOD images that join the pool.
        pool_size: in-distribution unlabeled images, drawn from what is left; None takes all of it.
        initial_ids: ids of the training images that are labeled at first, for every seed, instead of a draw: somebody
            else's initial set, say. `initial_size` is their number.
        known_classes: so many classes, drawn by the seed, are to be learned; images of the others are OOD, and the
            initial, validation and test images are of known classes only. None learns all.
        known_names: the same, with the classes given by name.
        ood_share: share of OOD images among the unlabeled ones, in place of `ood_count`: the largest pool that has it.
            0 takes `ood_count`, or of a class split all that there are.
    """

    path: ClassVar[str] = "splits"

    train_limit: Count | None = 50_000
    initial_size: Whole = 100
    validation_size: Whole = 5_000
    initial_balance: InitialBalance = "random"
    ood_count: Whole = 0
    pool_size: Count | None = None
    initial_ids: tuple[Whole, ...] = ()
    known_classes: AtLeastTwo | None = None
    known_names: tuple[str, ...] = ()
    ood_share: BelowOne = 0.0

    def check(self) -> None:
        """Refuse two ways of saying one thing, and named images or classes that cannot be meant."""
        self._check_initial_ids()
        if self.known_classes and self.known_names:
            raise InputError(
                "splits.known_names",
                ", ".join(self.known_names),
                f"are named beside known_classes={self.known_classes}",
                remedy="give a number or names",
            )
        if len(self.known_names) == 1 or len(set(self.known_names)) < len(self.known_names):
            raise InputError(
                "splits.known_names", ", ".join(self.known_names), "must be at least two different classes"
            )
        if self.ood_count and self.ood_share:
            raise InputError(
                "splits.ood_share",
                self.ood_share,
                f"is given beside ood_count={self.ood_count}",
                remedy="give a number or a share of OOD images",
            )

    def _check_initial_ids(self) -> None:
        """Refuse named images that are not as many as `initial_size`, repeated, to be balanced, or maybe OOD."""
        if not self.initial_ids:
            return
        if self.splits_classes:
            raise InputError(
                "splits.initial_ids",
                f"{len(self.initial_ids)} ids",
                "may be of classes that are not to be learned",
                remedy="name the images or the classes",
            )
        count, random = len(set(self.initial_ids)), self.initial_balance == "random"
        if count < len(self.initial_ids) or count != self.initial_size or not random:
            raise InputError(
                "splits.initial_ids",
                f"{len(self.initial_ids)} ids",
                f"do not fit initial_size={self.initial_size} and initial_balance={self.initial_balance}",
                remedy=f"name each image once, with initial_size={count} and initial_balance=random",
            )

    @property
    def splits_classes(self) -> bool:
        """Whether only some classes of the set are to be learned."""
        return bool(self.known_classes or self.known_names)


@dataclass(frozen=True)
class Splits:
    """Rows of the data set, and OOD images; each array ascending, the in-distribution ones disjoint.

    A trial's pool is `initial`, `unlabeled` and `ood` together; only the last two are unlabeled.

    Attributes:
        initial: int64[initial_size], labeled from the start; empty if the strategy chooses the first labels.
        validation: int64[validation_size], outside the pool.
        unlabeled: int64[u], labeled when acquired.
        ood: int64[o], which of the OOD images there are, counted from 0 among them.
    """

    initial: NDArray[np.int64]
    validation: NDArray[np.int64]
    unlabeled: NDArray[np.int64]
    ood: NDArray[np.int64]


def draw_splits(
    labels: NDArray[np.integer],
    ood_total: int,
    settings: SplitSettings,
    rng: np.random.Generator,
    ids: NDArray[np.int64] | None = None,
) -> Splits:
    """Draw one trial's splits. Storage order plays no part except in `train_limit`.

    The validation set is drawn first, so that it does not depend on the initial set's size or balance.

    Args:
        labels: int[n], classes of the set's training images, in storage order; -1 for those that are not to be learned.
        ood_total: OOD images that there are to draw from.
        settings: the sizes.
        rng: the seed's `splits` generator.
        ids: int64[n], of the set's training images, for settings that name the initial ones; None counts them from 0.

    Raises:
        InputError: more images asked for than there are, nothing left to acquire, an id that is not there, or a
            `train_limit` that cuts off whole classes because the set is stored by class.
    """
    total = len(labels)
    usable = total if settings.train_limit is None else min(settings.train_limit, total)
    own = labels[:usable]
    mine = np.flatnonzero(own >= 0)
    _check_sizes(len(mine), ood_total, settings)
    if usable < total and (lost := np.setdiff1d(labels, own)).size:
        raise InputError(
            "splits.train_limit",
            usable,
            f"cuts off every image of classes {', '.join(map(str, lost))}: the set is stored by class",
            remedy=f"use all of it (--set splits.train_limit={total}), or store the set in random order",
        )
    named = _rows_of(settings.initial_ids, np.arange(usable) if ids is None else ids[:usable])
    order = mine[rng.permutation(len(mine))]
    order = order[~np.isin(order, named)]
    validation, rest = order[: settings.validation_size], order[settings.validation_size :]
    if settings.initial_balance == "class":
        rest = rest[_class_by_class(own[rest])]
    rest = np.concatenate([named, rest])
    initial, rest = rest[: settings.initial_size], rest[settings.initial_size :]
    own_count, ood_count = _pool_sizes(len(rest), ood_total, settings)
    ood = rng.choice(ood_total, ood_count, replace=False)
    unlabeled = rest if own_count == len(rest) else rng.choice(rest, own_count, replace=False)
    return Splits(
        initial=_ascending(initial),
        validation=_ascending(validation),
        unlabeled=_ascending(unlabeled),
        ood=_ascending(ood),
    )


def _rows_of(wanted: tuple[int, ...], ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows whose ids are `wanted`, ascending."""
    missing = np.setdiff1d(np.array(wanted, np.int64), ids)
    if missing.size:
        raise InputError(
            "splits.initial_ids", int(missing[0]), "is no id of a usable training image of the set"
        )
    return np.flatnonzero(np.isin(ids, wanted)).astype(np.int64)


def _check_sizes(usable: int, ood_total: int, settings: SplitSettings) -> None:
    initial, validation = settings.initial_size, settings.validation_size
    if initial + validation >= usable:
        # Whatever fits stays; what does not becomes a tenth, so that most images can be acquired.
        tenth = usable // 10
        remedies = [f"--set splits.validation_size={tenth}"]
        if initial + tenth >= usable:
            remedies.append(f"--set splits.initial_size={min(initial, tenth)}")
        raise InputError(
            "splits.initial_size + splits.validation_size",
            f"{initial} + {validation} = {initial + validation}",
            f"leaves nothing to acquire of {usable} training images{' of known classes' * settings.splits_classes}",
            remedy=f"their sum must be at most {usable - 1}, for example {' '.join(remedies)}",
        )
    if settings.ood_count > ood_total:
        raise InputError(
            "splits.ood_count",
            settings.ood_count,
            f"is more than the {ood_total} images of the OOD set",
            remedy=f"ask for fewer (--set splits.ood_count={ood_total}), or choose a larger OOD set",
        )


def _pool_sizes(left: int, ood_total: int, settings: SplitSettings) -> tuple[int, int]:
    """In-distribution and OOD images that stay unlabeled, of `left` and `ood_total` that there are."""
    own = left if settings.pool_size is None else settings.pool_size
    if own > left:
        raise InputError(
            "splits.pool_size",
            settings.pool_size,
            f"is more than the {left} images that the initial and the validation set leave",
            remedy=f"ask for fewer (--set splits.pool_size={left}), or leave it out for all",
        )
    share = settings.ood_share
    if share:
        ood = round(own * share / (1 - share))
        return (own, ood) if ood <= ood_total else (round(ood_total * (1 - share) / share), ood_total)
    return own, settings.ood_count or (ood_total if settings.splits_classes else 0)


def paper_splits(dataset: str, *, mixed: bool = False) -> SplitSettings:
    """The paper's sizes (Section IV.A): 10,000 OOD images if `mixed`.

    Raises:
        InputError: a dataset that the paper does not use.
    """
    if dataset not in _PAPER:
        raise InputError("dataset", dataset, "has no splits in the paper", allowed=_PAPER)
    train_limit, initial_size, validation_size = _PAPER[dataset]
    return SplitSettings(
        initial_size=initial_size,
        validation_size=validation_size,
        train_limit=train_limit,
        ood_count=PAPER_OOD_COUNT if mixed else 0,
    )


PAPER_OOD_COUNT = 10_000
# train_limit, initial, validation
_PAPER: dict[str, tuple[int | None, int, int]] = {
    "mnist": (50_000, 100, 5_000),
    "fashion_mnist": (50_000, 100, 5_000),
    "cifar10": (None, 5_000, 5_000),
}


def _class_by_class(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """An order that takes one image of each class in turn; within a turn the given order stays."""
    by_class = np.argsort(labels, kind="stable")
    counts = np.unique(labels, return_counts=True)[1]
    turn = np.empty(len(labels), np.int64)
    turn[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.argsort(turn, kind="stable")


def _ascending(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.sort(rows).astype(np.int64)
