"""MQ-Net: how much purity and how much uncertainty to buy, learned from what the last query came to."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.models.logistic_regression import solved
from dalbt_ray.options.ranges import Count, Positive
from dalbt_ray.pool import Floats, PoolView
from dalbt_ray.strategies.geometry import row_blocks
from dalbt_ray.strategies.meta_network import meta_network
from dalbt_ray.strategies.method import Needs, RankedLook, ranked_look
from dalbt_ray.strategies.one_look import RankedOneLook
from dalbt_ray.strategies.outlier_head import Shown, bought_outliers, head_logits
from dalbt_ray.strategies.uncertainty import Uncertainty, uncertainty
from dalbt_ray.strategies.unit_features import unit_features


@dataclass(frozen=True, kw_only=True)
class MqNet(RankedOneLook):
    """A small network of purity and informativeness that ranks the images of the last query by what they were worth.

    Park et al. 2022, "Meta-Query-Net: Resolving Purity-Informativeness Dilemma in Open-set Active Learning" (NeurIPS).
    Purity is the largest cosine to a labeled image of a known class, informativeness the classifier's uncertainty; both
    enter as exp(z), z standardized. An image of the last query was worth the cross-entropy that the classifier had on
    it *before* it was trained on it, and nothing if it was OOD. The network, 2 - `units` - 1 with sigmoids and weights
    that are never negative, so that it never likes an image less for being purer or less sure, learns to
    order pairs of these images by hinges. Before the first query, and while no pair differs in worth, the
    two inputs are added.

    Purity is that of the features at hand, where the authors train CSI on all images for a thousand epochs: with frozen
    features that is what they are for. The classifier before the last query is solved again, as logistic regression on
    all earlier answers: with frozen features and a linear head just what it was, else a stand-in for it.

    The authors' code differs from its paper, and from here: pairs of equal worth (two OOD images) are ordered as if the
    second were worth more, here they teach nothing; the bought images are standardized among themselves, the pool
    among itself, so that one score means two things, here both by the pool that was on offer; and the first query adds
    the raw uncertainty to exp(z) of purity, which decides alone.

    Attributes:
        uncertainty: of the classifier between known classes.
        units: of the hidden layer.
        steps: of Adam, each on as many random pairs as there are bought images.
        learning_rate: of Adam.
        margin: by which the better of a pair is to lead.
        regularization: L2 penalty of the earlier classifier, on features with a mean squared length of 1.
    """

    name: ClassVar[str] = "mqnet"
    uncertainty: Uncertainty = "least_confidence"
    units: Count = 64
    steps: Count = 1_000
    learning_rate: Positive = 0.01
    margin: Positive = 1.0
    regularization: Positive = 0.1

    @property
    def needs(self) -> Needs:
        """Bought OOD images."""
        return Needs(outliers=True)

    def look(self, pool: PoolView) -> RankedLook:
        """From one network, which begins at weights of a fixed seed, so that it is a function of the pool.

        The outlier score is minus the purity.
        """
        shown, last = Shown.of(pool), last_query(pool)
        pure, pure_before = purity(pool, shown, pool.labeled, pool.labeled & ~last)
        unsure = uncertainty(pool.probabilities, self.uncertainty)
        inputs = meta_inputs(unsure, pure, pool.unlabeled_rows)
        lesson = self.lesson(pool, shown, last, pure_before)
        if lesson is None:
            return ranked_look(inputs.sum(axis=1), -pure)
        network = meta_network(
            *lesson,
            units=self.units,
            steps=self.steps,
            learning_rate=self.learning_rate,
            margin=self.margin,
        )
        return ranked_look(network.value(inputs), -pure)

    def lesson(
        self, pool: PoolView, shown: Shown, last: NDArray[np.bool_], pure: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """What the last query teaches.

        Args:
            pool: n images.
            shown: its answers.
            last: bool[n], the images of that query.
            pure: float64[n], purity before it.

        Returns:
            Inputs, float64[b, 2], and worth, float64[b]; None where no two images differ in worth.
        """
        before = pool.labeled & ~last
        if not last.any() or not before.any():
            return None
        taught, answers = shown.standardized(pool.features[before]), pool.labels[before].astype(np.int64)
        head = solved(taught, answers, shown.classes, self.regularization)
        log_p = head_logits(pool.features, shown, head.weights, head.bias)
        log_p -= np.logaddexp.reduce(log_p, axis=1, keepdims=True)
        unsure = uncertainty(np.exp(log_p), self.uncertainty)
        offered = np.union1d(pool.unlabeled_rows, np.flatnonzero(last))
        inputs = meta_inputs(unsure, pure, offered)
        loss = -log_p[np.arange(len(log_p)), np.maximum(pool.labels, 0)]
        worth = np.where(pool.labeled, loss, 0.0)[last]
        return (inputs[last], worth) if worth.max() > worth.min() else None


def last_query(pool: PoolView) -> NDArray[np.bool_]:
    """bool[n], images that the last query acquired and whose answer teaches; none before the first one."""
    if pool.bought is None or pool.bought.max() < 0:
        return np.zeros(len(pool.labeled), bool)
    return np.asarray((pool.labeled | bought_outliers(pool)) & (pool.bought == pool.bought.max()))


def purity(
    pool: PoolView, shown: Shown, labeled: NDArray[np.bool_], earlier: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest cosine, about the pool's mean, to an image of `labeled`, and to one of `earlier`: float64[n] each.

    Zeros for an empty set.

    Args:
        pool: n images.
        shown: its answers.
        labeled: bool[n].
        earlier: bool[n], a part of `labeled`.
    """
    n = len(pool.labeled)
    now, before = np.zeros(n), np.zeros(n)
    old, new = np.flatnonzero(earlier), np.flatnonzero(labeled & ~earlier)
    if not len(old) + len(new):
        return now, before
    directions = _directions(pool.features, np.concatenate([old, new]), shown)
    for block in row_blocks(n, max(len(directions), pool.features.shape[1])):
        rows = np.arange(block.start, block.stop)
        cosines = _directions(pool.features, rows, shown) @ directions.T
        now[block] = cosines.max(axis=1)
        if len(old):
            before[block] = cosines[:, : len(old)].max(axis=1)
    return now, before


def _directions(features: Floats, rows: NDArray[np.int64], shown: Shown) -> NDArray[np.float32]:
    centered = shown.standardized(features[rows])
    return unit_features(centered, np.arange(len(rows)))


def meta_inputs(
    unsure: NDArray[np.float64], pure: NDArray[np.float64], offered: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Exp of both in standard deviations from their mean over the rows `offered` (all, if none), float64[n, 2]."""
    both = np.stack([unsure, pure], axis=1)
    measured = both[offered] if len(offered) else both
    mean, spread = measured.mean(axis=0), measured.std(axis=0)
    # Images that were not on offer can be far out; no ranking of theirs is asked for.
    z = np.clip((both - mean) / np.where(spread > 1e-12, spread, 1.0), -50.0, 50.0)
    return np.asarray(np.exp(z))
