"""ProbCover: the images whose balls of one radius cover most of the pool."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Count, Inside, Positive
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.candidate_sample import candidate_sample, covered_rows
from dalbt_ray.strategies.coverage import Similarity, greedy_coverage, unit_squared_distances
from dalbt_ray.strategies.geometry import row_blocks
from dalbt_ray.strategies.k_means import k_means
from dalbt_ray.strategies.method import Method
from dalbt_ray.strategies.unit_features import unit_features


@dataclass(frozen=True, kw_only=True)
class ProbCover(Method):
    """Greedy max cover: the image whose ball holds most images that no labeled or picked image's ball holds.

    Yehuda, Dekel, Hacohen and Weinshall 2022, "Active Learning Through a Covering Lens", algorithm 1, on features of
    unit length; an image lies in a ball if it is nearer than the radius. Needs no label.

    The radius is the paper's: the largest at which the share `purity` of all balls is pure, i.e. holds
    images of one pseudo-class only, the pseudo-classes being k-means clusters, as many as there are classes. A ball
    is pure as long as its radius is at most the distance to the nearest image of another cluster; so that radius is
    a quantile of those distances, and no grid of radii is searched as in scikit-activeml (steps of 0.2).

    Once everything is covered no image adds anything and the seed decides; with a radius that is too large that is
    soon (the weakness that `MaxHerding` was made for). Public code then acquires row 0, even if it is labeled, or the
    same image again (the authors', small-text), and never considers the last incomplete block of 500 images as
    centers (the authors').

    Candidates, and the images to cover, are a uniform sample of max(`sample`, 4 x budget) of the pool's images: with
    `sample` at least the pool's size the rule is the paper's, exactly.

    Attributes:
        radius: delta, a distance between vectors of unit length (0 to 2); None finds it by `purity`.
        purity: alpha, the share of balls that hold images of one cluster only; 0.95 as in the paper.
        sample: so many images of the pool are looked at, or 4 x budget if that is more: a uniform sample.
    """

    name: ClassVar[str] = "prob_cover"
    cold_start: ClassVar[bool] = True

    radius: Positive | None = None
    purity: Inside = 0.95
    sample: Count = 4_000

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Largest number of newly covered images first; equal ones by the seed."""
        rows = candidate_sample(candidates, self.sample, budget, rng)
        points = unit_features(pool.features, rows)
        centers = unit_features(pool.features, covered_rows(pool, candidates))
        radius = self.radius or pure_radius(points, pool.probabilities.shape[1], self.purity, rng)
        return rows[greedy_coverage(points, np.ones(len(rows)), ball(radius), centers, budget)]


def ball(radius: float) -> Similarity:
    """1 where the distance is below `radius`, else 0; in place."""

    def similarity(squared: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.less(
            squared, np.float32(min(radius, 3.0) ** 2), out=squared
        )  # unit vectors: at most 2 apart

    return similarity


def pure_radius(points: NDArray[np.float32], classes: int, purity: float, rng: np.random.Generator) -> float:
    """The largest radius at which the share `purity` of the balls holds points of one cluster only.

    Args:
        points: float32[n, d] of unit length.
        classes: k-means clusters.
        purity: share, between 0 and 1.
        rng: source of the clusters' seeds.

    Returns:
        The radius; infinite if all points are in one cluster.
    """
    _, clusters = k_means(points, classes, rng)
    squared = np.empty(len(points))
    for rows in row_blocks(len(points), len(points)):
        distances = unit_squared_distances(points[rows], points)
        distances[clusters[rows, None] == clusters] = np.inf
        squared[rows] = distances.min(axis=1)
    impure = int((1 - purity) * len(points))  # balls that may be impure
    return float(np.sqrt(np.partition(squared, impure)[impure]))
