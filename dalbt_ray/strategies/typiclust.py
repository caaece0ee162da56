"""TypiClust: the most typical image of each of the largest clusters without a label."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Count, Whole
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.candidate_sample import candidate_sample, covered_rows
from dalbt_ray.strategies.coverage import unit_squared_distances
from dalbt_ray.strategies.geometry import row_blocks
from dalbt_ray.strategies.k_means import k_means
from dalbt_ray.strategies.method import Method
from dalbt_ray.strategies.unit_features import unit_features


@dataclass(frozen=True, kw_only=True)
class TypiClust(Method):
    """The most typical image of each cluster, clusters with few labels first. Needs no label.

    Hacohen, Dekel and Weinshall 2022, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets",
    algorithm 1.

    Labeled and unlabeled images together (features of unit length) fall into min(labeled + budget, `clusters`)
    clusters by k-means. Clusters take turns, those with the fewest labels first and among these the largest; a turn
    acquires the cluster's image with the highest typicality, the inverse of the mean distance to its `neighbors`
    nearest (at most half of the cluster), among the cluster's images that are still unlabeled. Clusters of
    `smallest` images or fewer have no turn until all others are used up, which the paper leaves open.

    In the authors' code a cluster that is used up ends the query with an error; scikit-activeml acquires arbitrary
    images, possibly twice, as soon as every cluster has had its turn. Clusters come from k-means with full batches
    at every size, where the authors change to mini-batches above 50 clusters.

    Candidates are a uniform sample of max(`sample`, 4 x budget) of the pool's images; clusters and typicality are
    those of this sample and the labeled images. With `sample` at least the pool's size the rule is the paper's.

    Attributes:
        clusters: at most; 500 as in the paper.
        neighbors: 20 as in the paper.
        smallest: 5 as in the paper.
        sample: so many images of the pool are looked at, or 4 x budget if that is more: a uniform sample.
    """

    name: ClassVar[str] = "typiclust"
    cold_start: ClassVar[bool] = True

    clusters: Count = 500
    neighbors: Count = 20
    smallest: Whole = 5
    sample: Count = 4_000

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Round after round over the clusters."""
        rows = candidate_sample(candidates, self.sample, budget, rng)
        labeled = covered_rows(pool, candidates)
        points = unit_features(pool.features, np.concatenate([rows, labeled]))
        _, cluster = k_means(points, min(len(labeled) + budget, self.clusters), rng)
        return rows[self.rounds(points[: len(rows)], cluster[: len(rows)], cluster[len(rows) :], budget)]

    def rounds(
        self,
        points: NDArray[np.float32],
        cluster: NDArray[np.int64],
        labeled_cluster: NDArray[np.int64],
        budget: int,
    ) -> NDArray[np.int64]:
        """Positions of the picks among the unlabeled points, int64[budget].

        Args:
            points: float32[n, d], the unlabeled ones.
            cluster: int64[n], where they are.
            labeled_cluster: int64[m], where the labeled ones are.
            budget: 1 to n.
        """
        count = int(cluster.max()) + 1
        labels = np.bincount(labeled_cluster, minlength=count)[:count]
        available = np.bincount(cluster, minlength=count)
        sizes = labels + available
        small = sizes <= self.smallest
        order = np.lexsort((-sizes, labels, small))
        members = {int(c): np.flatnonzero(cluster == c) for c in order if available[c]}
        picks: list[int] = []
        while len(picks) < budget:
            # Small clusters wait until the others are used up.
            turn = [c for c in members if not small[c]] or list(members)
            for c in turn[: budget - len(picks)]:
                best = most_typical(points[members[c]], self.neighbors)
                picks.append(int(members[c][best]))
                members[c] = np.delete(members[c], best)
                if not len(members[c]):
                    del members[c]
        return np.array(picks, np.int64)


def most_typical(points: NDArray[np.float32], neighbors: int) -> int:
    """The point with the smallest mean distance to its min(neighbors, n // 2) nearest others; the first of equals."""
    n = len(points)
    count = min(neighbors, n // 2)
    if count == 0:
        return 0
    means = np.empty(n)
    for rows in row_blocks(n, n):
        squared = unit_squared_distances(points[rows], points)
        squared[np.arange(len(squared)), np.arange(n)[rows]] = np.inf  # not to itself
        means[rows] = np.sqrt(np.partition(squared, count - 1, axis=1)[:, :count]).mean(axis=1)
    return int(means.argmin())
