"""What a strategy may see of the pool (`PoolView`), and who is labeled (`PoolState`)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class PoolView:
    """The pool after one round of training, as a strategy sees it. Row i is one image; n rows in all.

    A label appears only where the oracle has given it, so no strategy can read a hidden one.

    Attributes:
        labeled: bool[n], true where the oracle has answered.
        labels: int[n], the class where labeled, -1 elsewhere.
        probabilities: float[n, c], softmax of the classifier on the clean image.
        features: float[n, d], the encoder's output z on the clean image.
        mc_probabilities: float[n, t, c], softmax of t dropout passes; mask j is the same for every image, so
            that joint quantities over images exist (BatchBALD). None unless the strategy asks for them.
        member_probabilities: float[n, m, c], softmax of each of m independently trained networks, or None.
        auxiliary: float[n], the score of the strategy's own networks (VAAL, WAAL), or None.
        validation_features, validation_probabilities, validation_labels: the same for the held-out validation
            images (float[v, d], float[v, c], int[v]); used to calibrate thresholds, never to be acquired.
        demoted: bool[n], unlabeled images that were acquired before, turned out OOD and went back to the pool:
            offered again only when everything else has been.
        removed: bool[n], images that have left the pool; never to be acquired.
        outliers: bool[n], images that were acquired, turned out OOD and teach what is not wanted
            (`ood_policy="learn"`); they have left the pool. None where nothing is learned from them.
        outlier_probability: float[n], of the class "none of ours", where the classifier was trained with one
            (`training.outlier_class`) and an OOD image has been bought; else None. `probabilities` are those given one
            of ours.
        bought: int[n], the query that acquired the image, counted from 0; -1 where none has.
        revealed_ood: bool[n], which images are OOD, bought or not: what an annotator alone knows. Only a `control`
            is shown it; no method.
    """

    labeled: Bools
    labels: Ints
    probabilities: Floats
    features: Floats
    mc_probabilities: Floats | None = None
    member_probabilities: Floats | None = None
    auxiliary: Floats | None = None
    validation_features: Floats | None = None
    validation_probabilities: Floats | None = None
    validation_labels: Ints | None = None
    demoted: Bools | None = None
    removed: Bools | None = None
    outliers: Bools | None = None
    outlier_probability: Floats | None = None
    bought: Ints | None = None
    revealed_ood: Bools | None = None

    def __post_init__(self) -> None:
        n = len(self.labeled)
        if self.labeled.dtype != np.bool_:
            raise TypeError(f"labeled: dtype {self.labeled.dtype} must be bool; a mask, not row ids")
        for name in (
            "labels",
            "probabilities",
            "features",
            "mc_probabilities",
            "member_probabilities",
            "auxiliary",
            "demoted",
            "removed",
            "outliers",
            "outlier_probability",
            "bought",
            "revealed_ood",
        ):
            value = getattr(self, name)
            if value is not None and len(value) != n:
                raise ValueError(f"{name}: {len(value)} rows, but labeled has {n}; one row per image")
        if (self.labels[~self.labeled] != -1).any():
            raise ValueError("labels: an unlabeled row carries a label; hidden labels must be -1")

    @property
    def unlabeled_rows(self) -> NDArray[np.int64]:
        """int64[u], the rows that may be acquired, ascending."""
        taken = self.labeled if self.removed is None else self.labeled | self.removed
        rows: NDArray[np.int64] = np.flatnonzero(~taken).astype(np.int64)
        return rows

    @property
    def predicted(self) -> NDArray[np.int64]:
        """int64[n], the class with the highest probability (the lowest class on ties)."""
        classes: NDArray[np.int64] = self.probabilities.argmax(axis=1).astype(np.int64)
        return classes


@dataclass(frozen=True)
class PoolState:
    """Who is labeled, acquired and gone. Rows index the trial's pool of n images.

    Attributes:
        labeled: bool[n], in the training set.
        demoted: bool[n], acquired, found OOD, returned.
        removed: bool[n], acquired, found OOD, gone for good.
        bought: int64[n], the last query that acquired the image, counted from 0; -1 where none has.
    """

    labeled: Bools
    demoted: Bools
    removed: Bools
    bought: NDArray[np.int64]

    @classmethod
    def start(cls, n: int, initial_rows: Ints) -> "PoolState":
        """The state of round 0: only the initial set is labeled."""
        labeled = np.zeros(n, dtype=bool)
        labeled[initial_rows] = True
        nothing = np.zeros(n, dtype=bool)
        return cls(labeled=labeled, demoted=nothing, removed=nothing, bought=np.full(n, -1, np.int64))

    def acquire(self, rows: Ints, is_ood: Bools, *, discard: bool) -> "PoolState":
        """The state after the oracle has seen `rows`: in-distribution images gain a label, OOD ones return or leave.

        Args:
            rows: int[b], distinct unlabeled rows.
            is_ood: bool[n], the oracle's knowledge of which images are OOD.
            discard: OOD images leave the pool (true) or return to it, demoted (false).
        """
        labeled, demoted, removed = self.labeled.copy(), self.demoted.copy(), self.removed.copy()
        in_distribution, ood = rows[~is_ood[rows]], rows[is_ood[rows]]
        labeled[in_distribution] = True
        (removed if discard else demoted)[ood] = True
        if not discard and not (~labeled & ~demoted & ~removed).any():
            demoted[:] = False  # everything else has been offered: start over
        bought = self.bought.copy()
        bought[rows] = bought.max(initial=-1) + 1
        return replace(self, labeled=labeled, demoted=demoted, removed=removed, bought=bought)
