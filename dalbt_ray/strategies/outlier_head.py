"""The detector of open-set methods: a linear head on features for K known classes and bought OOD images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.models.logistic_regression import solved
from dalbt_ray.pool import Floats, PoolView
from dalbt_ray.strategies.geometry import row_blocks


@dataclass(frozen=True)
class Shown:
    """The images whose answer is known, in a form that suits a linear head.

    Attributes:
        rows: int64[m], labeled images and bought OOD ones.
        answers: int64[m], the class; K for "none of ours".
        classes: K.
        center: float64[d], mean of the pool's features.
        scale: root of their mean squared length about it.
    """

    rows: NDArray[np.int64]
    answers: NDArray[np.int64]
    classes: int
    center: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, pool: PoolView) -> "Shown":
        """What the pool's oracle has answered."""
        classes = pool.probabilities.shape[1]
        outliers = bought_outliers(pool)
        rows = np.flatnonzero(pool.labeled | outliers)
        answers = np.where(outliers, classes, pool.labels)[rows].astype(np.int64)
        center = pool.features.mean(axis=0, dtype=np.float64)
        # The variances are summed column by column, so that no copy of the pool is made.
        squares = sum(
            float(((pool.features[block].astype(np.float64) - center) ** 2).sum())
            for block in row_blocks(len(pool.labeled), pool.features.shape[1])
        )
        scale = float(np.sqrt(squares / len(pool.labeled)))
        smallest = np.finfo(np.float64).tiny ** 0.5
        return cls(rows, answers, classes, center, scale if scale > smallest else 1.0)

    def standardized(self, features: Floats) -> NDArray[np.float64]:
        """float64[k, d] of float[k, d], centered, with a mean squared length of 1 over the pool."""
        result: NDArray[np.float64] = (features.astype(np.float64) - self.center) / self.scale
        return result

    def taught(self, pool: PoolView) -> NDArray[np.float64]:
        """float64[m, d], the standardized features of `rows`."""
        return self.standardized(pool.features[self.rows])


def bought_outliers(pool: PoolView) -> NDArray[np.bool_]:
    """bool[n], OOD images that were bought; none where nothing is learned from them."""
    return np.zeros(len(pool.labeled), bool) if pool.outliers is None else pool.outliers


def outlier_logits(pool: PoolView, shown: Shown, regularization: float) -> NDArray[np.float64]:
    """Logits of the K known classes and of "none of ours", float64[n, K + 1], by logistic regression.

    Zeros, under which every class is as likely, where no answer is known.

    Args:
        pool: n images.
        shown: its answers.
        regularization: L2 penalty against the sum of the cross-entropy, as `Frozen.regularization`.
    """
    if not len(shown.rows):
        return np.zeros((len(pool.labeled), shown.classes + 1))
    head = solved(shown.taught(pool), shown.answers, shown.classes + 1, regularization)
    return head_logits(pool.features, shown, head.weights, head.bias)


def head_logits(
    features: Floats, shown: Shown, weights: NDArray[np.float64], bias: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64[n, c], for float[n, d], of heads solved on `shown` with weights float64[c, d] and biases float64[c]."""
    weights = weights / shown.scale
    bias = bias - weights @ shown.center
    result = np.empty((len(features), len(bias)))
    for block in row_blocks(len(features), features.shape[1]):
        result[block] = features[block].astype(np.float64) @ weights.T + bias
    return result
