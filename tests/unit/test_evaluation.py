"""Accuracy, NLL, ECE and AUROC against loops and hand-worked examples."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, recall_score

from dalbt_ray.metrics.accuracy import accuracy
from dalbt_ray.metrics.auroc import auroc
from dalbt_ray.metrics.calibration import expected_calibration_error
from dalbt_ray.metrics.confusion import Confusion
from dalbt_ray.metrics.macro_f1 import MacroF1
from dalbt_ray.metrics.nll import NLL
from dalbt_ray.metrics.recall import Recall


def test_quality_of_a_hand_worked_example() -> None:
    """Three images, two right: accuracy 2/3, NLL the mean of -log of the true class's probability."""
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]])
    labels = np.array([0, 1, 1])
    assert accuracy(probabilities, labels) == pytest.approx(2 / 3)
    assert NLL().measure(probabilities, labels) == pytest.approx(
        -(np.log(0.9) + np.log(0.6) + np.log(0.2)) / 3
    )


def test_nll_of_an_impossible_class_is_large_and_finite() -> None:
    """A probability of exactly 0 for the true class must not put an infinity into the tables."""
    assert 700 < NLL().measure(np.array([[1.0, 0.0]]), np.array([1])) < 800


def test_calibration_error_equals_a_loop_over_bins() -> None:
    """The vectorised ECE equals the definition, bin by bin."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), size=500)
    labels = rng.integers(0, 4, 500)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    total = 0.0
    for low, high in zip(np.arange(15) / 15, np.arange(1, 16) / 15, strict=True):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(probabilities, labels) == pytest.approx(total, abs=1e-12)


def test_macro_f1_and_recall_equal_scikit_learns_on_classes_that_occur() -> None:
    """Against an independent implementation, with a class that is never predicted and one that never occurs."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 4, 300)
    probabilities = rng.dirichlet(np.ones(6), 300) + 0.5 * np.eye(6)[labels]
    probabilities[:, 3] = 0
    probabilities[:, 5] = 0
    predicted, classes = probabilities.argmax(axis=1), range(5)  # class 4 is predicted and never occurs
    expected = f1_score(labels, predicted, labels=list(classes), average="macro", zero_division=0)
    assert MacroF1().measure(probabilities, labels) == pytest.approx(expected)
    recalls = recall_score(labels, predicted, labels=list(range(6)), average=None, zero_division=0)
    assert Recall().measure(probabilities, labels) == pytest.approx(list(recalls))


def test_the_confusion_matrix_equals_scikit_learns() -> None:
    """Row by row, with a class that never occurs; too many classes have none."""
    rng = np.random.default_rng(3)
    labels, probabilities = rng.integers(0, 3, 200), rng.dirichlet(np.ones(4), 200)
    expected = confusion_matrix(labels, probabilities.argmax(axis=1), labels=range(4))
    assert Confusion().measure(probabilities, labels) == list(expected.ravel())
    assert Confusion().measure(np.ones((5, 101)), np.zeros(5, int)) is None


def test_auroc_equals_the_share_of_won_pairs() -> None:
    """AUROC is the probability that a positive beats a negative, ties counting half."""
    rng = np.random.default_rng(1)
    scores, positive = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.3
    wins = [(p > n) + 0.5 * (p == n) for p in scores[positive] for n in scores[~positive]]
    assert auroc(scores, positive) == pytest.approx(np.mean(wins))


def test_auroc_of_one_group_is_undefined() -> None:
    """Without OOD images there is nothing to tell apart."""
    assert auroc(np.arange(3.0), np.zeros(3, bool)) is None
