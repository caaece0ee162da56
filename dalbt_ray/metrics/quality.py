"""How good a network is, and how well a budget was spent: pure functions over arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]


@dataclass(frozen=True)
class Quality:
    """Quality of predicted probabilities against true labels.

    Attributes:
        accuracy: share of images whose most probable class is the true one.
        nll: mean negative log-likelihood, nats.
        ece: expected calibration error (see `expected_calibration_error`).
    """

    accuracy: float
    nll: float
    ece: float


def quality(probabilities: Floats, labels: Ints) -> Quality:
    """Accuracy, NLL and ECE of `probabilities` float[n, c] against `labels` int[n]."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return Quality(
        accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
        # A probability that underflowed to 0 costs what the smallest float64 costs, not infinity.
        nll=float(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean()),
        ece=expected_calibration_error(probabilities, labels),
    )


def expected_calibration_error(probabilities: Floats, labels: Ints, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of confidence, weighted by their size.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3; 15 bins as there. Bin i is
    (i/bins, (i+1)/bins].
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    gap = np.abs(
        np.bincount(index, weights=correct, minlength=bins)
        - np.bincount(index, weights=confidence, minlength=bins)
    )
    return float(gap.sum() / counts.sum())


def auroc(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """Probability that a positive scores above a negative (ties count half); None where one group is empty."""
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        return None
    # Ties share the mean of their ranks, as in scipy.stats.rankdata, whose import would cost each trial a second.
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    wins = ranks[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))
