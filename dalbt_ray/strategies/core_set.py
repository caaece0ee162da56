"""Core-set selection: cover the pool so that no image is far from a labeled one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.candidate_sample import covered_rows
from dalbt_ray.strategies.geometry import k_center_greedy
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class CoreSet(Method):
    """k-center greedy on the features, from the labeled images on (Sener and Savarese 2018, algorithm 1).

    The paper's second algorithm improves the greedy solution by a mixed-integer program for a commercial
    solver; like most comparisons, this is the greedy. With nothing labeled the first image is drawn by the
    seed. Public versions build the n x n matrix of distances and take roots of rounding errors below zero, so
    that a NaN is acquired first (DeepAL, DeepAL+); `k_center_greedy` does neither.
    """

    name: ClassVar[str] = "core_set"
    cold_start: ClassVar[bool] = True

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Farthest first from everything labeled, and acquired this round; equally far ones by the seed."""
        centers = covered_rows(pool, candidates)
        return k_center_greedy(pool.features, rng.permutation(candidates), centers, budget)
