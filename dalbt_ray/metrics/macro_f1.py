"""Macro F1: the mean over classes of the harmonic mean of precision and recall."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dalbt_ray.metrics.metric import Floats, Ints, Metric, Unit


@dataclass(frozen=True)
class MacroF1(Metric):
    """Mean over classes of 2 TP / (2 TP + FP + FN); every class counts the same, however rare it is.

    A class that neither the labels nor the predictions hold is left out; one that is never predicted counts 0.
    """

    name: ClassVar[str] = "macro_f1"
    title: ClassVar[str] = "test macro F1"
    unit: ClassVar[Unit] = "percent"

    def measure(self, probabilities: Floats, labels: Ints) -> float:
        """A fraction."""
        classes, predicted = probabilities.shape[1], probabilities.argmax(axis=1)
        right = np.bincount(labels[predicted == labels], minlength=classes)
        both = np.bincount(labels, minlength=classes) + np.bincount(predicted, minlength=classes)
        return float((2 * right[both > 0] / both[both > 0]).mean())
