"""`dalbt rehearse`: does the rule beat random sampling on *this* data? A small sweep over the labels so far.

The labels are divided into folds; each fold in turn is the test set, and the others a pool whose labels are hidden and
bought again, by the rule and by random sampling, with the same seeds. What is compared is the mean accuracy over the
budgets (AUBC) of pairs with the same fold and seed. Pairs share most of their images, so their variance is corrected as
Nadeau and Bengio (2003) do: s^2 (1/J + test/train).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ArrayImages, ImageSet
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.models.encoder import Encoder
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.query.looking import Say
from dalbt_ray.results import Record, ResultsStore
from dalbt_ray.strategies import Method
from dalbt_ray.strategies.random import Random
from dalbt_ray.trial.rounds import run_trial

FOLDS, SEEDS, ROUNDS = 4, 3, 5
SHARE = 0.6
"""Of a fold's pool, bought in the end: once all is bought, every rule has the same labels."""

HELD_OUT = 0.1
"""Of a fold's pool, the validation images that every trial has; rules may calibrate on them."""

FEWEST, FEWEST_PER_CLASS = 80, 8
"""Labels, and labels of each of two classes, below which nothing is rehearsed."""

MOST = 2_000
"""Labels that take part; of more, so many drawn at random."""


@dataclass(frozen=True)
class Labeled:
    """What is rehearsed on.

    Attributes:
        features: float32[n, d].
        labels: int64[n].
        class_names: in label order.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]

    @property
    def too_few(self) -> str:
        """Why this cannot be rehearsed; empty if it can."""
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        if len(self.labels) < FEWEST:
            return f"{len(self.labels)} labels are not enough to tell; {FEWEST} are the fewest"
        if (counts >= FEWEST_PER_CLASS).sum() < 2:
            return f"too few labels of each class to tell; two classes need {FEWEST_PER_CLASS} each"
        return ""


@dataclass(frozen=True)
class Rehearsal:
    """What came out.

    Attributes:
        strategy: name of the rule.
        bought: int64[r], labels at each point of the curves.
        rule, random: float64[J, r], accuracies; row j of both has the same fold and seed.
        correction: test images over training images.
    """

    strategy: str
    bought: NDArray[np.int64]
    rule: NDArray[np.float64]
    random: NDArray[np.float64]
    correction: float

    @property
    def interval(self) -> tuple[float, float, float]:
        """Mean difference of AUBC in points, and its 95 % interval."""
        return corrected_interval(100 * (self.rule - self.random).mean(axis=1), self.correction)

    def __str__(self) -> str:
        mean, low, high = self.interval
        said = f"{mean:+.1f} points of mean accuracy ({low:+.1f} to {high:+.1f})"
        asked = f"from {self.bought[0]} to {self.bought[-1]} labels, {FOLDS} folds x {len(self.rule) // FOLDS} seeds"
        if low > 0:
            return f"{self.strategy} beats random on these labels: {said}, {asked}"
        if high < 0:
            return f"{self.strategy} is worse than random on these labels: {said}, {asked}; --strategy names another"
        return f"not enough labels to tell {self.strategy} from random: {said}, {asked}"


def corrected_interval(differences: NDArray[np.float64], correction: float) -> tuple[float, float, float]:
    """Mean and 95 % interval of differences whose training sets overlap (Nadeau and Bengio 2003, section 3).

    Args:
        differences: float64[J], J > 1.
        correction: test images over training images; 0 gives the plain t interval.
    """
    count = len(differences)
    mean = float(differences.mean())
    error = float(np.sqrt(differences.var(ddof=1) * (1 / count + correction)))
    half = float(student.ppf(0.975, count - 1)) * error
    return mean, mean - half, mean + half


def rehearse(
    labeled: Labeled, strategy: Method, encoder: Encoder, results: Path, say: Say, seeds: int = SEEDS
) -> Rehearsal:
    """Run the sweep; its trials are kept in `results`, which `dalbt report` reads.

    Args:
        labeled: at least `FEWEST` labels.
        strategy: the rule.
        encoder: the frozen one whose features these are.
        results: a results folder.
        say: told how it goes.
        seeds: of each fold; more of them narrow the interval little, since folds share their images.
    """
    store = ResultsStore(results)
    store.create_or_open({"sweep": "dalbt rehearse"})
    pairs: list[tuple[list[float], list[float]]] = []
    bought: list[int] = []
    share = 0.0
    for number, fold in enumerate(folds(labeled)):
        train = fold.in_distribution_count
        share = len(fold.test_labels) / train
        held_out = max(5, round(HELD_OUT * train))
        for seed in range(seeds):
            curves = []
            for method in (strategy, Random()):
                trial = Trial(
                    dataset="rehearsal",
                    ood_policy="learn",
                    strategy=method,
                    objective=Supervised(),
                    encoder=encoder,
                    budget=max(1, round(SHARE * (train - held_out) / ROUNDS)),
                    rounds=ROUNDS,
                    seed=seed,
                    splits=SplitSettings(train_limit=None, initial_size=0, validation_size=held_out),
                )
                seen: list[Record] = []
                run_trial(trial, fold, store, on_round=seen.append)
                curves.append([_accuracy(record) for record in seen[1:]])
                bought = [record.row.n_labeled for record in seen[1:]]
            pairs.append((curves[0], curves[1]))
        say(f"rehearsed fold {number + 1} of {FOLDS}")
    rule, random = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    return Rehearsal(strategy.name, np.array(bought, np.int64), rule, random, share)


def _accuracy(record: Record) -> float:
    value = record.row.measures["test_accuracy"]
    assert isinstance(value, float)  # a round with labels was measured
    return value


def folds(labeled: Labeled) -> Iterator[ImageSet]:
    """The image set of each fold: every class is spread evenly, and training sets have one size."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(labeled.labels))[:MOST]
    rows = rows[np.argsort(labeled.labels[rows], kind="stable")]
    rows = rows[: len(rows) - len(rows) % FOLDS]
    place = np.arange(len(rows)) % FOLDS
    for fold in range(FOLDS):
        train, test = rows[place != fold], rows[place == fold]
        x, y = labeled.features, labeled.labels
        content = sha256(x[train].tobytes() + y[train].tobytes() + x[test].tobytes() + y[test].tobytes())
        yield ImageSet(
            images=ArrayImages(x[train][:, None, None, :]),
            labels=y[train].astype(np.int32),
            in_distribution_count=len(train),
            sample_ids=train.astype(np.int64),
            sources=("rehearsal", ""),
            test_images=x[test][:, None, None, :],
            test_labels=y[test].astype(np.int32),
            classes=len(labeled.class_names),
            class_names=labeled.class_names,
            data_hash=content.hexdigest(),
            test_in_train=0,
            ood_in_train=0,
            conversion="",
        )
