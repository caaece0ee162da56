"""What is measured of test predictions: one file per metric, one visible union of them all.

To add one, write its file and an instance to `METRICS`: it is measured in every round of every trial, and tables and
figures have it. A metric of your own (a frozen dataclass that subclasses `Metric`) goes into `Trial(metrics=(...,))`.
"""

from dalbt_ray.metrics.accuracy import Accuracy
from dalbt_ray.metrics.calibration import CalibrationError
from dalbt_ray.metrics.confusion import Confusion
from dalbt_ray.metrics.macro_f1 import MacroF1
from dalbt_ray.metrics.metric import Metric
from dalbt_ray.metrics.nll import NLL
from dalbt_ray.metrics.recall import Recall

__all__ = ["METRICS", "Metric"]

METRICS: tuple[Metric, ...] = (
    Accuracy(),
    NLL(),
    CalibrationError(),
    MacroF1(),
    Recall(),
    Confusion(),
)
"""Every metric that is always measured, in the order of its columns."""
