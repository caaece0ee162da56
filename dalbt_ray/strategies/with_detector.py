"""What open-set methods with a linear detector have in common: whom it learns from, and its penalty."""

from dataclasses import dataclass

from dalbt_ray.options.ranges import Positive
from dalbt_ray.strategies.method import Needs
from dalbt_ray.strategies.one_look import OneLook


@dataclass(frozen=True, kw_only=True)
class WithDetector(OneLook):
    """A method that fits linear heads to labeled images and bought OOD ones (`outlier_head.Shown`).

    Attributes:
        regularization: L2 penalty of the detector's heads, on features with a mean squared length of 1.
    """

    regularization: Positive = 0.1

    @property
    def needs(self) -> Needs:
        """Bought OOD images."""
        return Needs(outliers=True)
