"""The linear head that the answers train: the pool's classes and, where it was answered, one more for the rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.models.logistic_regression import solved
from dalbt_ray.query.known_images import Answered

REGULARIZATION = 0.1
"""As the frozen encoder's head has it in the studies (`Frozen.regularization`)."""


@dataclass(frozen=True)
class TrainedHead:
    """Multinomial logistic regression on the pool's features.

    Attributes:
        classes: c names.
        weights: float64[k, d], k being c, or c + 1 where images without a class were answered: they are the last row.
        bias: float64[k].
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64[n, k] of float32[n, d]."""
        logits = features @ self.weights.T.astype(np.float32) + self.bias.astype(np.float32)
        logits = logits.astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        p: NDArray[np.float64] = np.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        return p

    def among_classes(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, c]: what remains if the image is known to belong to a class."""
        tiny = np.finfo(np.float64).tiny
        known: NDArray[np.float64] = np.maximum(probabilities[:, : len(self.classes)], tiny)
        known /= known.sum(axis=1, keepdims=True)
        return known

    def without_class(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n], the probability that an image belongs to no class; zeros where that was never taught."""
        if probabilities.shape[1] == len(self.classes):
            return np.zeros(len(probabilities))
        return probabilities[:, -1]


def train_head(features: NDArray[np.float32], answers: Answered) -> TrainedHead | None:
    """The head that all answers train; None without an image of a class.

    "Not ours" and "cannot be used" are class c + 1, learned together with the others: that makes a detector of its own
    unnecessary (Stojnic, Laskar and Tolias, WACV 2024).

    Args:
        features: float32[n, d].
        answers: of the n rows.
    """
    if not answers.labeled.any():
        return None
    classes = len(answers.classes)
    rows = np.flatnonzero(answers.labeled | answers.no_class)
    targets = np.where(answers.no_class[rows], classes, answers.labels[rows]).astype(np.int64)
    outputs = classes + bool(answers.no_class.any())
    solution = solved(features[rows], targets, outputs, REGULARIZATION)
    return TrainedHead(answers.classes, solution.weights, solution.bias)
