"""DBAL with the BALD rule: disagreement between dropout passes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import BelowOne, Count
from dalbt_ray.options.value import changed_default
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.information import mutual_information
from dalbt_ray.strategies.method import Needs, Ranked
from dalbt_ray.strategies.required import required


@dataclass(frozen=True, kw_only=True)
class DBAL(Ranked):
    """Buy the images whose label would tell most about the network, each image on its own.

    Gal, Islam and Ghahramani 2017, with BALD (Houlsby et al. 2011): I = H(mean_t p_t) - mean_t H(p_t), high
    where single passes are sure but contradict each other. The best b are acquired independently, so
    near-duplicates are acquired together; `batch_bald` is the cure.

    Attributes:
        dropout: dropout probability in training and in the passes; 0.5 as in the paper's dense layers.
        samples: passes per image, see `MCDropout`.
    """

    name: ClassVar[str] = "dbal"

    dropout: BelowOne = 0.5
    samples: Count = changed_default(100, introduced=20)  # noqa: RUF009

    @property
    def needs(self) -> Needs:
        """Dropout in the network and `samples` passes over the pool."""
        return Needs(dropout=self.dropout, dropout_samples=self.samples)

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """Mutual information in nats, float64[n], in [0, log c]."""
        return mutual_information(required(pool.mc_probabilities, "mc_probabilities", self.name))
