"""MC-Dropout: entropy of the mean prediction of several dropout passes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import BelowOne, Count
from dalbt_ray.options.value import changed_default
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.information import predictive_entropy
from dalbt_ray.strategies.method import Needs, Ranked
from dalbt_ray.strategies.required import required


@dataclass(frozen=True, kw_only=True)
class MCDropout(Ranked):
    """Buy the images whose prediction, averaged over dropout passes, has the highest entropy.

    Gal, Islam and Ghahramani 2017, "Deep Bayesian Active Learning with Image Data", the max-entropy row; the
    comparisons in VAAL and its successors call it DBAL or MC-Dropout. Public versions average logits
    (`badge`), or put the whole network into training mode, which moves BatchNorm's running statistics
    (DeepAL, DISTIL); here probabilities are averaged and scoring leaves BatchNorm alone.

    Attributes:
        dropout: dropout probability in training and in the passes; 0.5 as in the paper's dense layers.
        samples: passes per image. Public versions take from 10 (DeepAL) over 25 (VAAL's comparison) to 100
            (Gissin and Shalev-Shwartz). Of the first ten picks of 10,000 MNIST images two disjoint sets of 20, 50,
            100, 200 masks share 3.0, 5.0, 5.7, 7.8 (DBAL: 2.2, 3.2, 6.0, 7.2); 100 is the first with most of them.
    """

    name: ClassVar[str] = "mc_dropout"

    dropout: BelowOne = 0.5
    samples: Count = changed_default(100, introduced=20)  # noqa: RUF009

    @property
    def needs(self) -> Needs:
        """Dropout in the network and `samples` passes over the pool."""
        return Needs(dropout=self.dropout, dropout_samples=self.samples)

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """H(mean_t p_t) in nats, float64[n]."""
        return predictive_entropy(required(pool.mc_probabilities, "mc_probabilities", self.name))
