"""No pretraining: every round starts from random weights, as in the paper."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dalbt_ray.pretraining.pretraining import Pretraining


@dataclass(frozen=True, kw_only=True)
class NotPretrained(Pretraining):
    """Nothing is learned before the first label."""

    name: ClassVar[str] = "none"
    happens: ClassVar[bool] = False

    def loss(self, z_a: Tensor, z_b: Tensor) -> Tensor:  # noqa: ARG002
        """Zero; nobody asks."""
        return z_a.new_zeros(())
