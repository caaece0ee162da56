"""Cross-entropy alone: how every method but DALBT trains in its own paper."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from dalbt_ray.losses.cross_entropy import cross_entropy
from dalbt_ray.objectives.objective import Objective


@dataclass(frozen=True, kw_only=True)
class Supervised(Objective):
    """Cross-entropy on clean images."""

    name: ClassVar[str] = "supervised"
    is_cross_entropy: ClassVar[bool] = True
    capturable: ClassVar[bool] = True

    def loss(self, logits: Tensor, labels: Tensor, projections: tuple[Tensor, Tensor] | None) -> Tensor:  # noqa: ARG002
        """Cross-entropy over the global batch."""
        return cross_entropy(logits, labels)
