"""The linear head against scikit-learn's solver, on the same objective."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Published

from dalbt_ray.models.logistic_regression import LogisticRegression, solved


def problem(n: int, d: int = 60, classes: int = 4, seed: int = 0):
    """Overlapping clusters in `d` dimensions."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    features = rng.normal(size=(classes, d))[labels] * 0.1 + rng.normal(size=(n, d)) / np.sqrt(d)
    return features.astype(np.float32), labels


@pytest.mark.parametrize("n", [8, 30, 300])
@pytest.mark.parametrize("regularization", [0.01, 1.0])
def test_equals_the_published_solver(n: int, regularization: float) -> None:
    """Fewer images than features (solved in their span) and more: equal probabilities and equal weights.

    A constant feature without an intercept of its own makes scikit-learn penalize the bias as we do.
    """
    features, labels = problem(n)
    labels[:4] = range(4)
    ours = solved(features, labels, 4, regularization)
    constant = np.hstack([features.astype(np.float64), np.ones((n, 1))])
    theirs = Published(C=1 / regularization, fit_intercept=False, tol=1e-12, max_iter=100_000)
    theirs.fit(constant, labels)
    np.testing.assert_allclose(ours.weights, theirs.coef_[:, :-1], atol=1e-3)
    np.testing.assert_allclose(ours.bias, theirs.coef_[:, -1], atol=1e-3)
    others = problem(50, seed=1)[0].astype(np.float64)
    logits = others @ ours.weights.T + ours.bias
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        probabilities, theirs.predict_proba(np.hstack([others, np.ones((50, 1))])), atol=1e-3
    )


def test_the_same_arrays_give_the_same_bits() -> None:
    """Nothing is drawn."""
    features, labels = problem(40)
    first, second = solved(features, labels, 4, 0.1), solved(features.copy(), labels, 4, 0.1)
    np.testing.assert_array_equal(first.weights, second.weights)


def test_one_class_is_predicted_everywhere_with_finite_numbers() -> None:
    """The first labels may all be of one class."""
    features, labels = problem(20)
    found = solved(features, np.full(20, 2), 4, 0.1)
    assert np.isfinite(found.weights).all()
    logits = problem(200, seed=3)[0] @ found.weights.T + found.bias
    assert (logits.argmax(axis=1) == 2).all()
    assert labels.max() == 3


def test_validation_chooses_the_regularization() -> None:
    """The one whose solution has the smallest cross-entropy on the validation images, by a computation of its own."""
    features, labels = problem(60)
    held_out = problem(400, seed=5)
    options = (1e-4, 1.0, 1e4)
    chosen = LogisticRegression(options).solve(features, labels, 4, held_out)

    def cross_entropy(regularization: float) -> float:
        solution = solved(features, labels, 4, regularization)
        logits = held_out[0] @ solution.weights.T + solution.bias
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-log_p[np.arange(400), held_out[1]].mean())

    assert chosen.regularization == min(options, key=cross_entropy)
    assert (
        LogisticRegression((0.5, 1.0)).solve(features, labels, 4, (features[:0], labels[:0])).regularization
        == 0.5
    )
