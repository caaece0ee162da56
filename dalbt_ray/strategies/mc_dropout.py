"""MC-Dropout: entropy of the mean prediction of several dropout passes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dropout_passes import DropoutPasses
from dalbt_ray.strategies.information import predictive_entropy


@dataclass(frozen=True, kw_only=True)
class MCDropout(DropoutPasses):
    """Acquire the images whose prediction, averaged over dropout passes, has the highest entropy.

    Gal, Islam and Ghahramani 2017, "Deep Bayesian Active Learning with Image Data", the max-entropy row; the
    comparisons in VAAL and its successors call it DBAL or MC-Dropout. Public versions average logits
    (`badge`), or put the whole network into training mode, which moves BatchNorm's running statistics
    (DeepAL, DISTIL); here probabilities are averaged and scoring leaves BatchNorm alone.
    """

    name: ClassVar[str] = "mc_dropout"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """H(mean_t p_t) in nats, float64[n]."""
        return predictive_entropy(self.passes(pool))
