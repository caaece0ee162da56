"""EOAL: what is surely of one known class, and far from every heap of OOD images."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dalbt_ray.models.logistic_regression import solved
from dalbt_ray.options.ranges import Count
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.geometry import row_blocks, squared_distances
from dalbt_ray.strategies.group_turns import equal_shares
from dalbt_ray.strategies.k_means import assign, k_means
from dalbt_ray.strategies.method import Look
from dalbt_ray.strategies.outlier_head import Shown, bought_outliers, head_logits
from dalbt_ray.strategies.with_detector import WithDetector


@dataclass(frozen=True, kw_only=True)
class Eoal(WithDetector):
    """Small entropy among the known classes, large entropy among clusters of OOD images; spread over clusters.

    Safaei et al. 2024, "Entropic Open-set Active Learning" (AAAI). K one-vs-all heads give each image the mean of
    their binary entropies, over log 2; OOD images that were bought are clustered, and the entropy of
    softmax(-distance to the clusters), over the log of their number, is large for images that are near none of them in
    particular. Score: the first minus the second, the smallest first. Images that the heads take for known fall
    into K clusters, and each of these gives the same number; what is missing is filled up from the others.

    Here heads are logistic regressions on the features of the trained network, and distances are relative to the mean
    squared length of these; the authors train a network of its own. Clusters are k-means in place of FINCH with a fixed
    number of clusters. Without a bought OOD image the second entropy is 0, as for one cluster. The authors' code asks
    for a changed data loader of torch; no index is lost here.

    Attributes:
        clusters: of bought OOD images, at most.
        sample: images taken for known that decide where the clusters of these lie; all of them join one.
    """

    name: ClassVar[str] = "eoal"
    clusters: Count = 20
    sample: Count = 2_000

    def look(self, pool: PoolView) -> Look:
        """From one set of heads: the same number of picks from every cluster of what is taken for known, then the rest.

        The outlier score is one minus the largest probability that a head gives.
        """
        shown = Shown.of(pool)
        known = known_probabilities(pool, shown, self.regularization)
        return Look(partial(self._picks, pool, shown, known), outlier_score=strangeness(known))

    def _picks(
        self,
        pool: PoolView,
        shown: Shown,
        known: NDArray[np.float64],
        candidates: NDArray[np.int64],
        budget: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        wanted = self._distance_entropy(pool, shown, rng) - closed_entropy(known)
        wanted += 1e-9 * rng.random(len(wanted))  # equal images in an order of the seed
        accepted = candidates[known[candidates].max(axis=1) > 0.5]
        share = min(budget, len(accepted))
        picks = np.empty(0, np.int64)
        if share:
            centers = self._centers(
                pool, shown, rng.permutation(accepted)[: self.sample], known.shape[1], rng
            )
            cluster = np.concatenate(
                [
                    assign(shown.standardized(pool.features[accepted[block]]).astype(np.float32), centers)
                    for block in row_blocks(len(accepted), pool.features.shape[1])
                ]
            )
            picks = accepted[equal_shares(wanted[accepted], cluster, share)]
        rest = np.setdiff1d(candidates, accepted, assume_unique=True)
        filled = rest[np.argsort(-wanted[rest], kind="stable")[: budget - share]]
        return np.concatenate([picks, filled])

    @staticmethod
    def _centers(
        pool: PoolView, shown: Shown, rows: NDArray[np.int64], count: int, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """float32[k, d], of at most `count` clusters of images; copies can leave some empty, and these are dropped."""
        points = shown.standardized(pool.features[rows]).astype(np.float32)
        centers, nearest = k_means(points, count, rng)
        return centers[np.unique(nearest)]

    def _distance_entropy(
        self, pool: PoolView, shown: Shown, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """float64[n] in 0..1, of the softmax over negative distances to the clusters of OOD images."""
        outliers = np.flatnonzero(bought_outliers(pool))
        count = min(self.clusters, len(outliers))
        if count < 2:
            return np.zeros(len(pool.labeled))
        centers = self._centers(pool, shown, outliers, count, rng)
        result = np.zeros(len(pool.labeled))
        for block in row_blocks(len(result), pool.features.shape[1]):
            features = shown.standardized(pool.features[block])
            logits = -np.sqrt(squared_distances(features, centers.astype(np.float64)))
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            p /= p.sum(axis=1, keepdims=True)
            logs = np.log(p, where=p > 0, out=np.zeros_like(p))
            result[block] = -np.einsum("nk,nk->n", p, logs) / np.log(max(len(centers), 2))
        return result


def known_probabilities(pool: PoolView, shown: Shown, regularization: float) -> NDArray[np.float64]:
    """What each of K one-vs-all heads gives an image, float64[n, K]; one half where no answer is known."""
    if not len(shown.rows):
        return np.full((len(pool.labeled), shown.classes), 0.5)
    taught = shown.taught(pool)
    heads = [
        solved(taught, (shown.answers == label).astype(np.int64), 2, regularization)
        for label in range(shown.classes)
    ]
    # The difference of a head's two logits, for all heads in one pass over the pool.
    weights = np.stack([head.weights[1] - head.weights[0] for head in heads])
    bias = np.array([head.bias[1] - head.bias[0] for head in heads])
    return np.asarray(expit(head_logits(pool.features, shown, weights, bias)))


def strangeness(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """One minus the largest probability of a head, float64[n] of float64[n, K]."""
    return np.asarray(1.0 - known.max(axis=1))


def closed_entropy(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean binary entropy over the heads, in bits, float64[n] of float64[n, K]."""
    total = np.zeros_like(known)
    for p in (known, 1 - known):
        total -= p * np.log2(p, where=p > 0, out=np.zeros_like(p))
    return np.asarray(total.mean(axis=1))
