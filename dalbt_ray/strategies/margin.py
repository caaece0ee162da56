"""Margin sampling: the images whose two best classes are the closest."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Ranked


@dataclass(frozen=True, kw_only=True)
class Margin(Ranked):
    """Smallest p_(1) - p_(2), the gap between the best and the second-best class (Scheffer et al. 2001)."""

    name: ClassVar[str] = "margin"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """float64[n], 1 - margin: 1 where two classes share the top, 0 where one class is certain."""
        return 1.0 - margin(pool.probabilities)


def margin(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Best minus second-best probability: float[n, c] with c >= 2 -> float64[n] between 0 and 1."""
    best_two = np.partition(probabilities, -2, axis=1)[:, -2:].astype(np.float64)
    gap: NDArray[np.float64] = best_two[:, 1] - best_two[:, 0]
    return gap
