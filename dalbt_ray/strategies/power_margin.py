"""PowerMargin: margin sampling with noise, so that a query is not many copies of one kind of doubt."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Positive
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.margin import margin
from dalbt_ray.strategies.method import Ranked
from dalbt_ray.strategies.power import power_draw


@dataclass(frozen=True, kw_only=True)
class PowerMargin(Ranked):
    """Draw images without replacement with probability proportional to (1 - margin)^power.

    Kirsch et al. 2023, "Stochastic Batch Acquisition: A Simple Baseline for Deep Active Learning" (TMLR): the power
    acquisition, with 1 - margin as the score.

    Attributes:
        power: beta, the inverse scale of the noise on log scores; 1 as in the paper, 0 would be random sampling, a
            large value is margin sampling.
    """

    name: ClassVar[str] = "power_margin"

    power: Positive = 1.0

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """float64[n], 1 - margin, before the noise."""
        return 1.0 - margin(pool.probabilities)

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
