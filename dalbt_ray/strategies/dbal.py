"""DBAL with the BALD rule: disagreement between dropout passes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dropout_passes import DropoutPasses
from dalbt_ray.strategies.information import mutual_information


@dataclass(frozen=True, kw_only=True)
class DBAL(DropoutPasses):
    """Acquire the images whose label would tell most about the network, each image on its own.

    Gal, Islam and Ghahramani 2017, with BALD (Houlsby et al. 2011): I = H(mean_t p_t) - mean_t H(p_t), high
    where single passes are sure but contradict each other. The best b are acquired independently, so
    near-duplicates are acquired together; `batch_bald` is the cure.
    """

    name: ClassVar[str] = "dbal"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """Mutual information in nats, float64[n], in [0, log c]."""
        return mutual_information(self.passes(pool))
