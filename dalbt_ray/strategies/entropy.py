"""Entropy sampling: the images whose predicted distribution is the most spread out."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Ranked


@dataclass(frozen=True, kw_only=True)
class Entropy(Ranked):
    """H(p) = -sum_k p_k log p_k of the classifier's softmax, in nats (Settles 2009, section 3.1).

    0 log 0 counts as 0. Public versions take `p * log(p)`, which is NaN where the softmax underflows, and a
    descending sort then acquires exactly the most confident images first.
    """

    name: ClassVar[str] = "entropy"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """float64[n], entropy of each image, between 0 and log c."""
        return shannon_entropy(pool.probabilities)


def shannon_entropy(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Entropy in nats over the last axis: float[..., c] -> float64[...]."""
    spread: NDArray[np.float64] = entr(probabilities.astype(np.float64)).sum(axis=-1)
    return spread
