"""Calibration: does a confidence of 90 % mean 90 % right?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dalbt_ray.metrics.metric import Floats, Ints, Metric
from dalbt_ray.options.ranges import Count


@dataclass(frozen=True)
class CalibrationError(Metric):
    """Expected calibration error.

    Attributes:
        bins: of equal width in confidence. [Guo et al. 2017]
    """

    name: ClassVar[str] = "ece"
    title: ClassVar[str] = "expected calibration error"
    bins: Count = 15

    def measure(self, probabilities: Floats, labels: Ints) -> float:
        """See `expected_calibration_error`."""
        return expected_calibration_error(probabilities, labels, self.bins)


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
