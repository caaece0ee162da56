"""Is the next batch worth it: what it may add to accuracy, and whether the head still changes its mind.

The gain is read off a learning curve of the labels so far: heads of growing shares of them, measured on the others, and
a power law through their errors, error = b n^-c (Cortes et al. 1993). It is the accuracy on images such as were
labeled, which a strategy chose for being hard, so the gain on the pool is usually smaller.

Whether to stop is a question of *stabilizing predictions* (Bloodgood and Vijay-Shanker 2009, CoNLL): Cohen's kappa
between the predictions of one batch's head and the next one's, on the pool; 0.99 on average over three batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.models.logistic_regression import solved
from dalbt_ray.query.known_images import Answered, KnownImages
from dalbt_ray.query.trained_head import REGULARIZATION, train_head

SHARES = (0.3, 0.5, 0.7, 0.9)
REPEATS = 10
FEWEST = 40
"""Labels below which no curve is drawn."""

STABLE, IN_A_ROW = 0.99, 3
WATCHED = 2_000
"""Images of the pool on which predictions are compared."""


@dataclass(frozen=True)
class Gain:
    """What more labels may bring, in points of accuracy.

    Attributes:
        more: labels.
        middle, low, high: median, and the middle 80 % over repeated divisions of the labels.
    """

    more: int
    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{self.more} more labels may add {self.middle:.1f} points ({self.low:.1f} to {self.high:.1f}) of "
            "accuracy on images such as were labeled"
        )


def expected_gain(images: KnownImages, answers: Answered, more: int, rng: np.random.Generator) -> Gain | None:
    """What `more` labels may add; None with fewer than `FEWEST` labels or one class.

    Args:
        images: n rows.
        answers: of these rows.
        more: labels, at least 1.
        rng: draws the divisions.
    """
    rows = np.flatnonzero(answers.labeled)
    x, y = images.features[rows], answers.labels[rows]
    if len(rows) < FEWEST or len(np.unique(y)) < 2:
        return None
    gains = [_gain(x, y, len(answers.classes), more, rng) for _ in range(REPEATS)]
    low, middle, high = (100 * float(np.quantile(gains, share)) for share in (0.1, 0.5, 0.9))
    return Gain(more, middle, low, high)


def _gain(
    x: NDArray[np.float32], y: NDArray[np.int64], classes: int, more: int, rng: np.random.Generator
) -> float:
    n = len(y)
    order = rng.permutation(n)
    tested = max(n // 10, 10)
    test, rest = order[:tested], order[tested:]
    sizes, errors = [], []
    for share in SHARES:
        train = rest[: max(2, round(share * n)) if share * n < len(rest) else len(rest)]
        head = solved(x[train], y[train], classes, REGULARIZATION)
        wrong = int(((x[test] @ head.weights.T + head.bias).argmax(axis=1) != y[test]).sum())
        sizes.append(len(train))
        errors.append((wrong + 0.5) / (tested + 1))  # no zero has a logarithm
    slope, height = np.polyfit(np.log(sizes), np.log(errors), 1)
    slope = min(float(slope), 0.0)
    now = min(float(np.exp(height + slope * np.log(n))), 1.0)
    return now * (1 - float(((n + more) / n) ** slope))


def agreements(images: KnownImages, answers: Answered) -> list[float]:
    """Cohen's kappa between each batch's head and the one before, on the same images of the pool; oldest first."""
    watched = np.flatnonzero(images.present)
    watched = watched[:: max(1, len(watched) // WATCHED)]
    found: list[float] = []
    before: NDArray[np.int64] | None = None
    for batch in range(-1, int(answers.bought.max(initial=-1)) + 1):
        until = answers.bought <= batch
        then = replace(answers, labels=np.where(until, answers.labels, -1), no_class=answers.no_class & until)
        head = train_head(images.features, then)
        if head is None:
            continue
        now = head.among_classes(head.probabilities(images.features[watched])).argmax(axis=1)
        if before is not None:
            found.append(kappa(before, now, len(answers.classes)))
        before = now
    return found


def kappa(a: NDArray[np.int64], b: NDArray[np.int64], classes: int) -> float:
    """Cohen's: agreement beyond what the two's shares of classes give by chance; 1 where both say one class."""
    observed = float((a == b).mean())
    chance = float(
        (np.bincount(a, minlength=classes) / len(a)) @ (np.bincount(b, minlength=classes) / len(b))
    )
    return 1.0 if chance == 1 else (observed - chance) / (1 - chance)


def stop_hint(found: Sequence[float]) -> str:
    """Whether predictions have settled, in one sentence."""
    if len(found) < IN_A_ROW:
        return f"stop hint: go on, {IN_A_ROW} batches after the first tell whether predictions have settled"
    mean = float(np.mean(found[-IN_A_ROW:]))
    last = f"kappa {mean:.3f} on average over the last {IN_A_ROW} batches"
    if mean >= STABLE:
        return (
            f"stop hint: predictions have settled ({last}, {STABLE} or more): more labels will change little"
        )
    return f"stop hint: go on, predictions still change ({last}, {STABLE} would mean that they have settled)"
