"""Multinomial logistic regression on fixed features, solved to convergence: the linear head of frozen encoders."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

TOLERANCE = 1e-6
"""Largest entry of the gradient of the mean objective where a solution counts as converged."""

MOST_STEPS = 2_000


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

    def cross_entropy(self, features: NDArray[Any], labels: NDArray[np.integer]) -> float:
        """Mean over some images, nats."""
        logits = features.astype(np.float64) @ self.weights.T + self.bias
        return float(_losses(logits, labels).mean())


@dataclass(frozen=True)
class LogisticRegression:
    """argmin of `sum CE + regularization / 2 * (|W|^2 + |b|^2)`, by L-BFGS in float64.

    The bias is penalized like a weight on a constant feature. So classes without a label keep a finite probability,
    and with one class only the solution exists: that class.

    Attributes:
        regularizations: to choose from by validation cross-entropy; a single one is taken.
    """

    regularizations: tuple[float, ...]

    def solve(
        self,
        features: NDArray[np.floating],
        labels: NDArray[np.int64],
        classes: int,
        validation: tuple[NDArray[np.floating], NDArray[np.int64]],
    ) -> Solution:
        """The solution, the same bits for the same arrays.

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


def solved(
    features: NDArray[np.floating], labels: NDArray[np.int64], classes: int, regularization: float
) -> Solution:
    """The solution for one regularization.

    The optimal weights are a combination of the training images, so with fewer images than features the problem is
    rotated into the space that they span, which changes nothing but the time.
    """
    n, wide = features.shape[0], features.shape[1] + 1
    x = np.empty((n, wide))
    x[:, :-1] = features
    x[:, -1] = 1
    basis = None
    if 3 * n < wide:
        basis, small = np.linalg.qr(x.T)  # x = small.T @ basis.T
        x = np.ascontiguousarray(small.T)
    target = np.zeros((n, classes))
    target[np.arange(n), labels] = 1
    scale = regularization / n

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(classes, -1)
        logits = x @ weights.T
        value = _losses(logits, labels).mean() + scale / 2 * float(flat @ flat)
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        shifted /= shifted.sum(axis=1, keepdims=True)
        gradient = (shifted - target).T @ x / n + scale * weights
        return float(value), gradient.ravel()

    found = minimize(
        objective,
        np.zeros(classes * x.shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={
            "gtol": TOLERANCE,
            "ftol": 0.0,
            "maxiter": MOST_STEPS,
            "maxfun": 2 * MOST_STEPS,
            "maxcor": 20,
        },
    )
    weights = found.x.reshape(classes, -1)
    loss = float(_losses(x @ weights.T, labels).mean())
    if basis is not None:
        weights = weights @ basis.T
    return Solution(weights[:, :-1], weights[:, -1], loss, int(found.nit), regularization)


def _losses(logits: NDArray[np.float64], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    top = logits.max(axis=1)
    log_sum = np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top
    losses: NDArray[np.float64] = log_sum - logits[np.arange(len(logits)), labels]
    return losses
