"""PowerBALD: BALD with noise, which comes close to BatchBALD at the price of BALD."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Count, Positive
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dropout_passes import DropoutPasses
from dalbt_ray.strategies.information import mutual_information
from dalbt_ray.strategies.power import power_draw


@dataclass(frozen=True, kw_only=True)
class PowerBALD(DropoutPasses):
    """Draw images without replacement with probability proportional to (mutual information)^power.

    Kirsch et al. 2023, "Stochastic Batch Acquisition: A Simple Baseline for Deep Active Learning" (TMLR).

    Attributes:
        samples: passes per image.
        power: beta, the inverse scale of the noise on log scores; 1 as in the paper.
    """

    name: ClassVar[str] = "power_bald"

    samples: Count = 20
    power: Positive = 1.0

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """BALD in nats, float64[n], before the noise."""
        return mutual_information(self.passes(pool))

    def pick_ranked(
        self,
        pool: PoolView,  # noqa: ARG002
        ranking: NDArray[np.float64],
        candidates: NDArray[np.int64],
        budget: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Drawn one after the other."""
        return power_draw(ranking, candidates, budget, self.power, rng)
