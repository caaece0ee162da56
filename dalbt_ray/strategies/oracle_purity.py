"""The ceiling of open-set methods: uncertainty sampling by someone who knows which images are OOD."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Ranked
from dalbt_ray.strategies.uncertainty import Uncertainty, uncertainty


@dataclass(frozen=True, kw_only=True)
class OraclePurity(Ranked):
    """The most unsure of the images that are truly ours. A control, not a method: it reads the hidden answers.

    What it gains over random sampling is what perfect knowledge of "ours or not" is worth under the same uncertainty;
    reports give other methods as a share of it.

    Attributes:
        uncertainty: as in `k_plus_one`.
    """

    name: ClassVar[str] = "oracle_purity"
    control: ClassVar[bool] = True
    uncertainty: Uncertainty = "margin"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """float64[n]: the uncertainty of images that are ours, -1 for all others."""
        unsure = uncertainty(pool.probabilities, self.uncertainty)
        return unsure if pool.revealed_ood is None else np.where(pool.revealed_ood, -1.0, unsure)
