"""E2OAL: bought OOD images become classes of their own; as pure as needed, and then partially ambiguous."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.models.logistic_regression import solved
from dalbt_ray.options.ranges import Count, NotNegative, ShareOf
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.group_turns import equal_shares
from dalbt_ray.strategies.k_means import k_means
from dalbt_ray.strategies.method import Look
from dalbt_ray.strategies.mixture import membership
from dalbt_ray.strategies.outlier_head import Shown, head_logits
from dalbt_ray.strategies.past_queries import purities
from dalbt_ray.strategies.with_detector import WithDetector


@dataclass(frozen=True, kw_only=True)
class E2oal(WithDetector):
    """Of the images that are likely ours, as many as the wanted purity allows, the partially ambiguous ones.

    E2OAL (CVPR 2026, arXiv 2603.07898). Without a detector: bought OOD images are clustered, and each
    cluster is a class of a head beside the known ones. Purity of an image: its largest known logit minus its largest
    OOD logit; a mixture of three normal laws turns it into the chance of being ours. Informativeness:
    JS(p, uniform) x JS(p, one-hot) of the known probabilities, which is large between sure and lost. Candidates are the
    purest images, so many that their mean chance is just the wanted purity; the query takes the most informative of
    them, the same number of each predicted class. The wanted purity rises with what each query fell short of
    `target`, and falls with what it was above it.

    On the features of the trained network: k-means with at most `clusters` clusters, in place of a search over their
    number in the features of CLIP; a softmax head by logistic regression, in place of a Dirichlet one, so that chances
    are calibrated by the penalty alone. The authors' code asks for a changed data loader of torch.

    Attributes:
        clusters: of bought OOD images, at most.
        target: share of ours in a query that is aimed at.
        correction: how much of what a query fell short of `target` is added to what the next one aims at.
    """

    name: ClassVar[str] = "e2oal"
    clusters: Count = 10
    target: ShareOf = 0.6
    correction: NotNegative = 0.5

    def look(self, pool: PoolView) -> Look:
        """From one head: the purest images, as many as the wanted purity allows; of these the most informative ones.

        The score is the informativeness, the outlier score minus the purity.
        """
        purity = self._purity(pool)
        informative = informativeness(pool.probabilities)
        return Look(partial(self._picks, pool, purity), score=informative, outlier_score=-purity)

    def _picks(
        self,
        pool: PoolView,
        purity: NDArray[np.float64],
        candidates: NDArray[np.int64],
        budget: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        purity = purity[candidates] + 1e-9 * rng.random(len(candidates))
        chance = membership(purity, 3)
        order = np.argsort(-purity, kind="stable")
        expected = np.cumsum(chance[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(expected >= self.wanted(pool))
        count = max(budget, int(enough[-1]) + 1 if len(enough) else 0)
        short = order[:count]
        informative = informativeness(pool.probabilities[candidates[short]]) + 1e-9 * rng.random(len(short))
        predicted = pool.predicted[candidates[short]]
        return candidates[short[equal_shares(informative, predicted, budget)]]

    def wanted(self, pool: PoolView) -> float:
        """The purity to aim at, corrected by every query so far; at most 1."""
        value = self.target
        for purity in purities(pool):
            value = float(np.clip(value + self.correction * (self.target - purity), 0.0, 1.0))
        return value

    def _purity(self, pool: PoolView) -> NDArray[np.float64]:
        """Largest known logit minus largest OOD logit, float64[n]; without an OOD image, the largest known one.

        Clusters begin at a fixed seed, so that it is a function of the pool.
        """
        shown = Shown.of(pool)
        if not len(shown.rows):
            return np.zeros(len(pool.labeled))
        answers, taught = shown.answers.copy(), shown.taught(pool)
        outliers = answers == shown.classes
        count = min(self.clusters, int(outliers.sum()))
        if count:
            _, cluster = k_means(taught[outliers].astype(np.float32), count, np.random.default_rng(0))
            answers[outliers] += cluster
        head = solved(taught, answers, shown.classes + count, self.regularization)
        logits = head_logits(pool.features, shown, head.weights, head.bias)
        best: NDArray[np.float64] = logits[:, : shown.classes].max(axis=1)
        return best - logits[:, shown.classes :].max(axis=1) if count else best


def informativeness(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """JS(p, uniform) x JS(p, one-hot at its largest entry), float64[n] of float[n, c], in nats squared."""
    p = probabilities.astype(np.float64)
    classes = p.shape[1]
    one_hot = np.eye(classes)[p.argmax(axis=1)]
    return jensen_shannon(p, np.full_like(p, 1 / classes)) * jensen_shannon(p, one_hot)


def jensen_shannon(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """The divergence of each pair of rows, float64[n] of float64[n, c], in nats."""
    middle = (p + q) / 2
    return np.asarray(np.maximum(_entropy(middle) - (_entropy(p) + _entropy(q)) / 2, 0.0))


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum(axis=1))
