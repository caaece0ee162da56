"""EAOA: what is surely ours by energy, and of that the most ambiguous, class by class."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Count, NotNegative, ShareOf
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.geometry import row_blocks, squared_distances
from dalbt_ray.strategies.group_turns import equal_shares
from dalbt_ray.strategies.method import Look, top
from dalbt_ray.strategies.mixture import membership
from dalbt_ray.strategies.outlier_head import Shown, outlier_logits
from dalbt_ray.strategies.past_queries import purities
from dalbt_ray.strategies.temperature import at_temperature
from dalbt_ray.strategies.with_detector import WithDetector


@dataclass(frozen=True, kw_only=True)
class Eaoa(WithDetector):
    """Of each predicted class the images of least epistemic uncertainty, and of these the most ambiguous ones.

    Zong and Huang 2025, "Rethinking Epistemic and Aleatoric Uncertainty for Active Open-Set Annotation: An
    Energy-Based Approach" (CVPR). Epistemic: the energy -logsumexp(known logits) + softplus(OOD logit) of a detector
    with K + 1 classes, and the same of counts: how often, weighed by class, the image is one of the `neighbors` nearest
    of an image whose answer is known. A mixture of two normal laws turns each energy into the chance of being ours; the
    two are multiplied. Aleatoric: -logsumexp(all logits) + logsumexp(all but the largest) of the classifier, which is
    large where several classes share the top. Each predicted class offers `start` x budget / K images by the first and
    gives budget / K of them by the second. After each query the factor moves by `step` x (its purity - `target`).

    The detector is logistic regression on the features of the trained network; the authors train a network of its own.
    How their factor moves is not stated in a form that we could copy, so `step` is ours. Their code takes the log of
    1 + exp(count) in single precision, which is infinite for counts above 88, and fails where a class has fewer
    predictions than it must offer; here classes that run out are passed over.

    Attributes:
        neighbors: of each image with a known answer.
        start: images that a class offers per image that it gives, before the first query.
        target: share of ours in a query that is aimed at.
        step: change of that factor per unit of purity above the target; it never falls below 1.
    """

    name: ClassVar[str] = "eaoa"
    neighbors: Count = 250
    start: Annotated[float, Ge(1)] = 5.0
    target: ShareOf = 0.6
    step: NotNegative = 10.0

    def look(self, pool: PoolView) -> Look:
        """From one detector: class by class many by the chance of being ours, few of them by ambiguity.

        The score is the ambiguity, the outlier score the detector's energy.
        """
        shown = Shown.of(pool)
        logits = outlier_logits(pool, shown, self.regularization)
        energies = energy(logits[:, :-1], logits[:, -1])
        return Look(
            partial(self._picks, pool, shown, energies), score=ambiguity(pool), outlier_score=energies
        )

    def _picks(
        self,
        pool: PoolView,
        shown: Shown,
        energies: NDArray[np.float64],
        candidates: NDArray[np.int64],
        budget: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        counts = neighbor_counts(pool, shown, candidates, self.neighbors)
        ours = membership(-energies[candidates]) * membership(-energy(counts[:, :-1], counts[:, -1]))
        predicted = pool.predicted[candidates]
        classes = pool.probabilities.shape[1]
        share = int(np.ceil(self.factor(pool) * budget / classes))
        offered = []
        for label in np.unique(predicted):
            members = np.flatnonzero(predicted == label)
            offered.append(top(ours, members, min(len(members), share), rng))
        short = np.concatenate(offered)
        if len(short) < budget:
            rest = np.setdiff1d(np.arange(len(candidates)), short, assume_unique=True)
            short = np.concatenate([short, top(ours, rest, budget - len(short), rng)])
        ambiguous = ambiguity(pool)[candidates[short]] + 1e-9 * rng.random(len(short))
        return candidates[short[equal_shares(ambiguous, predicted[short], budget)]]

    def factor(self, pool: PoolView) -> float:
        """Images that a class offers per image that it gives, after the queries so far."""
        value = self.start
        for purity in purities(pool):
            value = max(1.0, value + self.step * (float(purity) - self.target))
        return value


def energy(known: NDArray[np.float64], outlier: NDArray[np.float64]) -> NDArray[np.float64]:
    """-logsumexp(known) + log(1 + exp(outlier)), float64[n] of float64[n, K] and float64[n]; large for OOD images."""
    return np.asarray(np.logaddexp(0.0, outlier) - np.logaddexp.reduce(known, axis=1))


def ambiguity(pool: PoolView) -> NDArray[np.float64]:
    """log(1 - p_max), float64[n]: logsumexp of all logits but the largest, minus that of all of them."""
    p = np.sort(at_temperature(pool.probabilities, 1.0), axis=1)
    return np.asarray(np.log(np.maximum(p[:, :-1].sum(axis=1), np.finfo(np.float64).tiny)))


def neighbor_counts(
    pool: PoolView, shown: Shown, rows: NDArray[np.int64], neighbors: int
) -> NDArray[np.float64]:
    """How often an image is among the `neighbors` nearest of `rows` to an image with a known answer, by that answer.

    Every answer has the same weight in all, whatever its number of images: their mean number over that number.

    Returns:
        float64[r, K + 1].
    """
    counts = np.zeros((len(rows), shown.classes + 1))
    if not len(shown.rows):
        return counts
    points = np.empty((len(rows), pool.features.shape[1]), np.float32)
    for block in row_blocks(len(rows), pool.features.shape[1]):
        points[block] = shown.standardized(pool.features[rows[block]])
    sizes = np.bincount(shown.answers, minlength=shown.classes + 1)
    weights = sizes[sizes > 0].mean() / np.maximum(sizes, 1)
    near = min(neighbors, len(rows))
    taught = shown.taught(pool).astype(np.float32)
    # Few rows at a time: arrays that stay small are used again, where large ones cost new pages of memory each.
    for block in row_blocks(len(taught), 4 * len(points)):
        distances = squared_distances(taught[block], points)
        nearest = np.argpartition(distances, near - 1, axis=1)[:, :near]
        for answer in np.unique(shown.answers[block]):
            mine = nearest[shown.answers[block] == answer].ravel()
            counts[:, answer] += weights[answer] * np.bincount(mine, minlength=len(rows))
    return counts
