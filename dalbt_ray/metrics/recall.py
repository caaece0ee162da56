"""Recall of each class: which classes does the classifier know?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dalbt_ray.metrics.metric import Floats, Ints, Metric, Unit


@dataclass(frozen=True)
class Recall(Metric):
    """Share of each class's test images that are classified right; NaN is never recorded: an absent class has 0."""

    name: ClassVar[str] = "recall"
    title: ClassVar[str] = "test recall by class"
    unit: ClassVar[Unit] = "percent"
    per_class: ClassVar[bool] = True

    def measure(self, probabilities: Floats, labels: Ints) -> list[float]:
        """One fraction a class, in the order of classes."""
        classes = probabilities.shape[1]
        right = np.bincount(labels[probabilities.argmax(axis=1) == labels], minlength=classes)
        there = np.bincount(labels, minlength=classes)
        return [float(share) for share in right / np.maximum(there, 1)]
