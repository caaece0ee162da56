"""Uncertainty Herding: MaxHerding in which uncertain images count more, from no label at all to many."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Count, Positive
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.candidate_sample import candidate_sample, covered_rows
from dalbt_ray.strategies.coverage import greedy_coverage
from dalbt_ray.strategies.geometry import row_blocks, squared_distances
from dalbt_ray.strategies.margin import margin
from dalbt_ray.strategies.max_herding import gaussian
from dalbt_ray.strategies.method import Look, outlier_class_score
from dalbt_ray.strategies.one_look import OneLook
from dalbt_ray.strategies.temperature import at_temperature, calibrated_temperature
from dalbt_ray.strategies.unit_features import unit_features


@dataclass(frozen=True, kw_only=True)
class UncertaintyHerding(OneLook):
    """Greedy maximization of sum_y U(y) max_{x in labeled and picked} k(x, y), U(y) = 1 - (p_(1) - p_(2)).

    Bae et al. 2025, "Uncertainty Herding: One Active Learning Method for All Label Budgets" (ICLR), with its two
    adaptations: probabilities are softened by a temperature that is calibrated on held-out labels, and the kernel's
    bandwidth is the smallest positive distance between two labeled images (features of unit length), so that it falls
    as labels come. Few labels make it representative, many make it margin sampling. With nothing labeled every U is 1
    and the bandwidth 1: then it is `MaxHerding`.

    The temperature minimizes the validation images' negative log-likelihood (Guo et al. 2017), where the authors
    minimize the expected calibration error, which depends on bins and jumps with single images. Where no validation
    image is misclassified (or there is none), no temperature is the likeliest; it is 1, and `note` says so. One pair
    of near copies among the labeled images makes the bandwidth tiny and with it the method plain margin sampling:
    that is the paper's rule, which a bandwidth of your own avoids; exact copies (in float32) do not count.

    Candidates are sampled as in `MaxHerding`.

    Attributes:
        bandwidth: sigma of the kernel; None is the smallest distance between two labeled images.
        sample: so many images of the pool are looked at, or 4 x budget if that is more: a uniform sample.
    """

    name: ClassVar[str] = "uncertainty_herding"
    cold_start: ClassVar[bool] = True

    bandwidth: Positive | None = None
    sample: Count = 4_000

    def look(self, pool: PoolView) -> Look:
        """From one temperature.

        - score: U. It is not the order, which depends on the other picks.
        - note: which of the adaptations had nothing to go by.
        """
        if not pool.labeled.any():
            weights = np.ones(len(pool.labeled))
            note = "no label yet: every image counts the same, as in max_herding"
        else:
            temperature = calibrated_temperature(pool)
            weights = 1.0 - margin(at_temperature(pool.probabilities, temperature or 1.0))
            note = "" if temperature else "no misclassified validation image: temperature 1"
        pick = partial(self._picks, pool, weights)
        return Look(pick, score=weights, note=note, outlier_score=outlier_class_score(pool))

    def _picks(
        self,
        pool: PoolView,
        weights: NDArray[np.float64],
        candidates: NDArray[np.int64],
        budget: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Largest gain in weighted coverage first; equal gains by the seed."""
        rows = candidate_sample(candidates, self.sample, budget, rng)
        centers = unit_features(pool.features, covered_rows(pool, candidates))
        bandwidth = self.bandwidth or smallest_distance(
            unit_features(pool.features, np.flatnonzero(pool.labeled))
        )
        points = unit_features(pool.features, rows)
        return rows[greedy_coverage(points, weights[rows], gaussian(bandwidth), centers, budget)]


def smallest_distance(points: NDArray[np.float32]) -> float:
    """Smallest positive distance between two of the points, float32[n, d] of unit length; 1 if there is none."""
    exact, smallest = points.astype(np.float64), np.inf
    for block in row_blocks(len(exact), len(exact)):
        distances = squared_distances(exact[block], exact)
        # Copies differ by rounding alone, 1e-15 in float64.
        smallest = min(smallest, distances[distances > 1e-12].min(initial=np.inf))
    return float(np.sqrt(smallest)) if np.isfinite(smallest) else 1.0
