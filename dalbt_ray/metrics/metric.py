"""What a metric is: a frozen value that measures predictions, and knows how tables and figures call it."""

from abc import abstractmethod
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.value import Named

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Unit = Literal["percent", "nats", ""]
Measure: TypeAlias = float | list[float] | None


class Metric(Named):
    """Base of all metrics of test predictions. A subclass is a frozen dataclass.

    One of your own works from a sweep file: implement `measure`, set the class variables, and name an instance in
    `Trial(metrics=(...,))`; its column is in `rounds`, its title and unit in the manifest.

    Attributes:
        title: what an axis of a figure says, without the unit.
        unit: "percent" for fractions that people read in percent, "nats", or nothing.
        per_class: whether `measure` gives one number a class.
        per_pair: whether it gives one for every pair of a true and a predicted class, true class by true class.
    """

    path: ClassVar[str] = "metrics"
    title: ClassVar[str]
    unit: ClassVar[Unit] = ""
    per_class: ClassVar[bool] = False
    per_pair: ClassVar[bool] = False

    @property
    def column(self) -> str:
        """Its column in the table `rounds`."""
        return f"test_{self.name}"

    @abstractmethod
    def measure(self, probabilities: Floats, labels: Ints) -> Measure:
        """The measured number, or one a class or pair of classes; None where it is not defined.

        Args:
            probabilities: float64[n, c], predictions for the test images.
            labels: int[n], their true classes.
        """
