"""Multinomial logistic regression on fixed features, solved to convergence: the linear head of frozen encoders."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from dalbt_ray.models.quasi_newton import minimized


@dataclass(frozen=True)
class Solution:
    """A linear classifier.

    Attributes:
        weights: float64[c, d].
        bias: float64[c].
        loss: mean cross-entropy on the training images, nats.
        steps: iterations of the solver.
        regularization: what it was solved with.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    loss: float
    steps: int
    regularization: float

    def cross_entropy(self, features: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
        """Mean over some images, nats."""
        weights, bias = torch.from_numpy(self.weights), torch.from_numpy(self.bias)
        logits = _float64(features) @ weights.T + bias
        return float(cross_entropy(logits, torch.from_numpy(labels)))


@dataclass(frozen=True)
class LogisticRegression:
    """argmin of `sum CE + regularization / 2 * (|W|^2 + |b|^2)`, in float64.

    The bias is penalized like a weight on a constant feature. So classes without a label keep a finite probability,
    and with one class only the solution exists: that class.

    Attributes:
        regularizations: to choose from by validation cross-entropy; a single one is taken.
    """

    regularizations: tuple[float, ...]

    def nominal_seconds(self, labeled: int) -> float:
        """Of one CPU core, for plans: measured with 1,280 features and 10 classes, 100 to 1,500 images."""
        return len(self.regularizations) * (0.02 + 2.5e-4 * labeled)

    def solve(
        self,
        features: NDArray[np.floating],
        labels: NDArray[np.int64],
        classes: int,
        validation: tuple[NDArray[np.floating], NDArray[np.int64]],
    ) -> Solution:
        """The solution, the same bits for the same arrays under the same number of torch threads.

        Args:
            features: float[n, d], at least one row.
            labels: int64[n] in 0..classes-1.
            classes: number of classes.
            validation: features and labels that choose between several regularizations; the first one counts if empty.
        """
        solutions = (solved(features, labels, classes, each) for each in self.regularizations)
        if len(self.regularizations) == 1 or not len(validation[1]):
            return next(solutions)
        return min(solutions, key=lambda solution: solution.cross_entropy(*validation))


CURVATURE = 0.02
"""Of the cross-entropy in a logit, roughly, once the labeled images are fitted; p (1 - p) is at most 1/4."""


def solved(
    features: NDArray[np.floating], labels: NDArray[np.int64], classes: int, regularization: float
) -> Solution:
    """The solution for one regularization.

    Every feature is scaled by what it contributes to the curvature. On features along principal axes, which is how
    embedded sets come, that takes a third of the steps (1,500 x 1,280, 10 classes: 50 instead of 134).
    """
    n, wide = len(features), features.shape[1] + 1
    x = torch.ones(n, wide, dtype=torch.float64)
    x[:, :-1] = _float64(features)
    target, penalty = torch.from_numpy(labels), regularization / n
    scale = (CURVATURE * x.square().mean(dim=0) + penalty).rsqrt()
    x *= scale
    penalties = penalty * scale.square()
    rows = torch.arange(n)

    def objective(flat: Tensor) -> tuple[float, Tensor]:
        weights = flat.view(classes, wide)
        log_p = (weights @ x.T).log_softmax(
            dim=0
        )  # [c, n], whose products are a third faster than those of [n, c]
        penalized = penalties * weights
        value = -log_p[target, rows].mean() + 0.5 * (weights * penalized).sum()
        error = log_p.exp_()
        error[target, rows] -= 1
        return float(value), (error @ x).div_(n).add_(penalized).view(-1)

    flat, steps = minimized(objective, torch.zeros(classes * wide, dtype=torch.float64))
    weights = flat.view(classes, wide)
    loss = float(cross_entropy(x @ weights.T, target))
    weights = weights * scale
    return Solution(
        weights[:, :-1].contiguous().numpy(), weights[:, -1].contiguous().numpy(), loss, steps, regularization
    )


def _float64(features: NDArray[Any]) -> Tensor:
    return torch.from_numpy(features.astype(np.float64))
