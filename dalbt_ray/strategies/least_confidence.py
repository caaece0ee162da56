"""Least-confidence sampling: the images whose best class is the least probable."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Ranked


@dataclass(frozen=True, kw_only=True)
class LeastConfidence(Ranked):
    """Largest 1 - max_k p_k (Lewis and Gale 1994)."""

    name: ClassVar[str] = "least_confidence"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """float64[n], 1 - the highest probability, between 0 and 1 - 1/c."""
        confidence: NDArray[np.float64] = pool.probabilities.max(axis=1).astype(np.float64)
        return 1.0 - confidence
