"""Accuracy: the share of images that are classified right."""

from dataclasses import dataclass
from typing import ClassVar

from dalbt_ray.metrics.metric import Floats, Ints, Metric, Unit


@dataclass(frozen=True)
class Accuracy(Metric):
    """Share of images whose most probable class is the true one."""

    name: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "test accuracy"
    unit: ClassVar[Unit] = "percent"

    def measure(self, probabilities: Floats, labels: Ints) -> float:
        """A fraction; the lowest class wins ties."""
        return accuracy(probabilities, labels)


def accuracy(probabilities: Floats, labels: Ints) -> float:
    """Share of images, float[n, c] against int[n], whose most probable class is the true one."""
    return float((probabilities.argmax(axis=1) == labels).mean())
