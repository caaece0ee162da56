"""Cluster-Margin: small margins, spread over clusters."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from dalbt_ray.options.ranges import AtLeastTwo, Count
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.coverage import unit_squared_distances
from dalbt_ray.strategies.geometry import row_blocks
from dalbt_ray.strategies.group_turns import turns
from dalbt_ray.strategies.margin import margin
from dalbt_ray.strategies.method import Method, top
from dalbt_ray.strategies.unit_features import unit_features


@dataclass(frozen=True, kw_only=True)
class ClusterMargin(Method):
    """The images with the smallest margins, round robin over their clusters, smallest cluster first.

    Citovsky et al. 2021, "Batch Active Learning at Scale" (NeurIPS): the `oversampling` x budget images of smallest
    margin are grouped by cluster, and from the smallest group on each cluster in turn gives one of its images, drawn
    by the seed, until the budget is spent; groups that are used up are passed over.

    Clusters come from agglomerative clustering with average linkage, as in the paper, on features of unit length. The
    paper clusters the pool once, cut at a distance that depends on the data; here the pool is clustered again in
    the present features in every round, and cut so that a cluster has `cluster_size` images on average. The linkage
    needs all pairs of distances, hence it is made of a uniform sample of `sample` unlabeled images (all of them where
    it is at least the pool's size), and every other image of small margin joins the cluster of its nearest image of
    the sample.

    Attributes:
        oversampling: images of small margin per image to acquire, the paper's k_m / k_t.
        cluster_size: mean number of images in a cluster.
        sample: images that are clustered: the linkage takes 8 x sample^2 / 2 bytes.
    """

    name: ClassVar[str] = "cluster_margin"

    oversampling: Annotated[float, Ge(1)] = 10.0
    cluster_size: Count = 10
    sample: AtLeastTwo = 4_000

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Round robin over the clusters of the least sure images."""
        wanted = min(len(candidates), int(np.ceil(self.oversampling * budget)))
        unsure = top(self.score(pool), candidates, wanted, rng)
        sampled = rng.permutation(candidates)[: self.sample]
        points = unit_features(pool.features, sampled)
        clusters = average_linkage(points, -(-len(sampled) // self.cluster_size))
        cluster = nearest_cluster(pool, unsure, sampled, points, clusters)
        return unsure[round_robin(cluster, budget, rng)]

    def score(self, pool: PoolView) -> NDArray[np.float64]:
        """1 - margin, float64[n]: what is recorded beside each query. It decides who is in, not the order."""
        return 1.0 - margin(pool.probabilities)


def average_linkage(points: NDArray[np.float32], clusters: int) -> NDArray[np.int64]:
    """The cluster of each point, int64[n] of float32[n, d] of unit length, in a tree cut into at most `clusters`."""
    from scipy.cluster.hierarchy import fcluster, linkage  # its import would cost every trial a moment

    n = len(points)
    if n == 1:
        return np.zeros(1, np.int64)
    pairs = np.empty(n * (n - 1) // 2)
    end = 0
    for rows in row_blocks(n, n):
        distances = unit_squared_distances(points[rows], points)
        for row, values in zip(range(rows.start, rows.stop), distances, strict=True):
            pairs[end : end + n - row - 1] = values[row + 1 :]
            end += n - row - 1
    np.sqrt(pairs, out=pairs)
    tree = linkage(pairs, "average")
    return np.asarray(fcluster(tree, clusters, "maxclust"), np.int64)


def nearest_cluster(
    pool: PoolView,
    rows: NDArray[np.int64],
    sampled: NDArray[np.int64],
    points: NDArray[np.float32],
    clusters: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The cluster of each of `rows`, int64[r]: its own where it was sampled, else that of the nearest sampled image."""
    known = np.full(len(pool.labeled), -1)
    known[sampled] = clusters
    result = known[rows]
    others = np.flatnonzero(result < 0)
    for block in row_blocks(len(others), len(points)):
        distances = unit_squared_distances(unit_features(pool.features, rows[others[block]]), points)
        result[others[block]] = clusters[distances.argmin(axis=1)]
    return result


def round_robin(cluster: NDArray[np.int64], budget: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions, int64[budget]: one of each cluster in turn, smallest cluster first, drawn uniformly within it."""
    _, group, sizes = np.unique(cluster, return_inverse=True, return_counts=True)
    order = np.lexsort((group, sizes[group], turns(group, rng.permutation(len(cluster)))))
    return np.asarray(order[:budget], np.int64)
