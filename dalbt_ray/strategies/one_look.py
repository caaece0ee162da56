"""Methods for which everything that a query asks comes from one costly step: they say `look`, and the rest is read off.

Outside a query each question costs a look of its own.
"""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Look, Method, Ranked, RankedLook


class OneLook(Method):
    """A method that is written as its `look`."""

    @abstractmethod
    def look(self, pool: PoolView) -> Look:
        """All that a query needs."""

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """What a look picks."""
        return self.look(pool).pick(candidates, budget, rng)

    def ranking(self, pool: PoolView) -> NDArray[np.float64] | None:
        """The ranking of a look."""
        return self.look(pool).ranking

    def score(self, pool: PoolView) -> NDArray[np.float64] | None:
        """The score of a look."""
        return self.look(pool).score

    def outlier_score(self, pool: PoolView) -> NDArray[np.float64] | None:
        """The outlier score of a look."""
        return self.look(pool).outlier_score

    def note(self, pool: PoolView) -> str:
        """The note of a look."""
        return self.look(pool).note


class RankedOneLook(OneLook, Ranked):
    """One of them that scores images one by one."""

    @abstractmethod
    def look(self, pool: PoolView) -> RankedLook:
        """All that a query needs; see `ranked_look`."""

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """The ranking of a look."""
        return self.look(pool).ranking
