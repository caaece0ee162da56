"""Which rows of a set a trial uses for what: drawn once per seed, the same for every strategy."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.errors import InputError
from dalbt_ray.options.ranges import Count, Whole
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
    """

    path: ClassVar[str] = "splits"

    train_limit: Count | None = 50_000
    initial_size: Whole = 100
    validation_size: Whole = 5_000
    initial_balance: InitialBalance = "random"
    ood_count: Whole = 0
    pool_size: Count | None = None
    initial_ids: tuple[Whole, ...] = ()

    def check(self) -> None:
        """Refuse named images that are not as many as `initial_size`, repeated, or to be balanced."""
        if not self.initial_ids:
            return
        count, random = len(set(self.initial_ids)), self.initial_balance == "random"
        if count < len(self.initial_ids) or count != self.initial_size or not random:
            raise InputError(
                "splits.initial_ids",
                f"{len(self.initial_ids)} ids",
                f"do not fit initial_size={self.initial_size} and initial_balance={self.initial_balance}",
                remedy=f"name each image once, with initial_size={count} and initial_balance=random",
            )


@dataclass(frozen=True)
class Splits:
    """Rows of the data set and of the OOD set, each array ascending, the in-distribution ones disjoint.

    A trial's pool is `initial`, `unlabeled` and `ood` together; only the last two are unlabeled.

    Attributes:
        initial: int64[initial_size], labeled from the start; empty if the strategy chooses the first labels.
        validation: int64[validation_size], outside the pool.
        unlabeled: int64[u], labeled when acquired.
        ood: int64[ood_count], rows of the OOD set, counted from 0 there.
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
        labels: int[n], classes of the set's training images, in storage order.
        ood_total: rows of the OOD set.
        settings: the sizes.
        rng: the seed's `splits` generator.
        ids: int64[n], of the set's training images, for settings that name the initial ones; None counts them from 0.

    Raises:
        InputError: more images asked for than there are, nothing left to acquire, an id that is not there, or a
            `train_limit` that cuts off whole classes because the set is stored by class.
    """
    total = len(labels)
    usable = total if settings.train_limit is None else min(settings.train_limit, total)
    _check_sizes(usable, ood_total, settings)
    own = labels[:usable]
    if usable < total and (lost := np.setdiff1d(labels, own)).size:
        raise InputError(
            "splits.train_limit",
            usable,
            f"cuts off every image of classes {', '.join(map(str, lost))}: the set is stored by class",
            remedy=f"use all of it (--set splits.train_limit={total}), or store the set in random order",
        )
    named = _rows_of(settings.initial_ids, np.arange(usable) if ids is None else ids[:usable])
    order = rng.permutation(usable)
    order = order[~np.isin(order, named)]
    validation, rest = order[: settings.validation_size], order[settings.validation_size :]
    if settings.initial_balance == "class":
        rest = rest[_class_by_class(own[rest])]
    rest = np.concatenate([named, rest])
    ood = rng.choice(ood_total, settings.ood_count, replace=False)
    return Splits(
        initial=_ascending(rest[: settings.initial_size]),
        validation=_ascending(validation),
        unlabeled=_ascending(_unlabeled(rest[settings.initial_size :], settings, rng)),
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
            f"leaves nothing to acquire of {usable} training images",
            remedy=f"their sum must be at most {usable - 1}, for example {' '.join(remedies)}",
        )
    if settings.ood_count > ood_total:
        raise InputError(
            "splits.ood_count",
            settings.ood_count,
            f"is more than the {ood_total} images of the OOD set",
            remedy=f"ask for fewer (--set splits.ood_count={ood_total}), or choose a larger OOD set",
        )


def _unlabeled(
    rest: NDArray[np.int64], settings: SplitSettings, rng: np.random.Generator
) -> NDArray[np.int64]:
    """What is left unlabeled: all of it, or `pool_size` of it."""
    if settings.pool_size is None:
        return rest
    if settings.pool_size > len(rest):
        raise InputError(
            "splits.pool_size",
            settings.pool_size,
            f"is more than the {len(rest)} images that the initial and the validation set leave",
            remedy=f"ask for fewer (--set splits.pool_size={len(rest)}), or leave it out for all",
        )
    return rng.choice(rest, settings.pool_size, replace=False)


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
