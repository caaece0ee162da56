"""DropQuery: one image from each cluster of those whose class changes under dropout."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import BelowOne, Count
from dalbt_ray.pool import Floats, PoolView
from dalbt_ray.strategies.candidate_sample import candidate_sample
from dalbt_ray.strategies.k_means import k_means
from dalbt_ray.strategies.method import Method, Needs, top
from dalbt_ray.strategies.required import required


@dataclass(frozen=True, kw_only=True)
class DropQuery(Method):
    """One image a cluster of those that change their class under dropout.

    Gupte, Aklilu, Nirschl and Yeung-Levy 2024, "Revisiting Active Learning in the Era of Vision Foundation Models"
    (TMLR), algorithm 1.

    An image is a candidate if more than half of the dropout passes predict another class than the plain network. The
    candidates' features fall into as many k-means clusters as there are images to acquire, and of each cluster the
    image nearest to the center is acquired, the largest cluster's first. Where there are fewer candidates than images
    to acquire, the images with the next largest share of changed predictions fill up, as in scikit-activeml.
    A cluster that ends empty (copies of one image) leaves its place to the seed's choice among the candidates.

    The authors drop features of a frozen encoder (75 %) in front of a linear classifier; here the passes are those
    of the trained network, with the dropout it was trained with, as for every other dropout method.

    Candidates are clustered on a uniform sample of max(`sample`, 4 x budget) of them: with `sample` at least the
    pool's size the rule is the paper's, exactly.

    Attributes:
        dropout: dropout probability in training and in the passes; 0.5 as in `mc_dropout`.
        passes: 3 as in the paper.
        sample: of the candidates so many are clustered, or 4 x budget if that is more: a uniform sample.
    """

    name: ClassVar[str] = "dropquery"

    dropout: BelowOne = 0.5
    passes: Count = 3
    sample: Count = 10_000

    @property
    def needs(self) -> Needs:
        """Dropout in the network and `passes` passes over the pool."""
        return Needs(dropout=self.dropout, dropout_samples=self.passes)

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """The image nearest to each center, by the size of the clusters; equal ones by the seed."""
        changed = self.score(pool)
        uncertain = candidates[changed[candidates] > 0.5]
        if len(uncertain) < budget:
            uncertain = top(changed, candidates, budget, rng)
        rows = candidate_sample(uncertain, self.sample, budget, rng)
        features = scaled(pool.features, rows)
        centers, cluster = k_means(features, budget, rng)
        offsets = features - centers[cluster]
        distances = np.einsum("nd,nd->n", offsets, offsets)
        order = np.lexsort((distances, cluster))  # stable: equally near ones stay in the seed's order
        filled, first, sizes = np.unique(cluster[order], return_index=True, return_counts=True)
        nearest = order[first[np.argsort(-sizes, kind="stable")]]
        rest = np.setdiff1d(np.arange(len(rows)), nearest)
        chosen: NDArray[np.int64] = np.concatenate([nearest, rest[: budget - len(filled)]])
        return rows[chosen]

    def score(self, pool: PoolView) -> NDArray[np.float64]:
        """Share of passes that predict another class than the plain network, float64[n]."""
        passes = required(pool.mc_probabilities, "mc_probabilities", self.name)
        return np.asarray((passes.argmax(axis=2) != pool.predicted[:, None]).mean(axis=1), np.float64)


def scaled(features: Floats, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32[r, d], the features of `rows` about their mean, in units of the largest (float32's range)."""
    chosen = features[rows].astype(np.float64)
    chosen -= chosen.mean(axis=0)
    largest = np.abs(chosen).max()
    return (chosen / (largest if largest > 0 else 1.0)).astype(np.float32)
