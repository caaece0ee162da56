"""Confusion matrix: which class is taken for which?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dalbt_ray.metrics.metric import Floats, Ints, Metric

MOST = 100
"""Classes up to which it is recorded: the matrix grows with their square, in every round."""


@dataclass(frozen=True)
class Confusion(Metric):
    """Test images by true and predicted class: c x c counts, one true class after the other; none above 100 classes."""

    name: ClassVar[str] = "confusion"
    title: ClassVar[str] = "test images by true and predicted class"
    per_pair: ClassVar[bool] = True

    def measure(self, probabilities: Floats, labels: Ints) -> list[float] | None:
        """Entry `true * c + predicted` is a number of images."""
        classes = probabilities.shape[1]
        if classes > MOST:
            return None
        pairs = labels * classes + probabilities.argmax(axis=1)
        return [float(count) for count in np.bincount(pairs, minlength=classes**2)]
