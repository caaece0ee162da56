"""Negative log-likelihood: how surprised the classifier is by the truth."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dalbt_ray.metrics.metric import Floats, Ints, Metric, Unit


@dataclass(frozen=True)
class NLL(Metric):
    """Mean negative log-likelihood of the true class, nats."""

    name: ClassVar[str] = "nll"
    title: ClassVar[str] = "test negative log-likelihood"
    unit: ClassVar[Unit] = "nats"

    def measure(self, probabilities: Floats, labels: Ints) -> float:
        """Nats; a probability that underflowed to 0 costs what the smallest float64 costs, not infinity."""
        chosen = probabilities[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())
