"""No selection depends on an answer that was not paid for: hidden labels, or which images are OOD."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from dalbt_ray.data.class_split import ClassSplit
from dalbt_ray.data.image_set import ArrayImages
from dalbt_ray.pool import PoolState
from dalbt_ray.strategies import STRATEGIES, Method
from dalbt_ray.trial.acquisition import query
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.scoring import Scores
from dalbt_ray.trial.trial_images import TrialImages
from tests.contract.pools import smooth_pool
from tests.contract.test_strategies import METHODS

N, CLASSES = 60, 3


def oracle_with(labels: NDArray[np.int64], validation_labels: NDArray[np.int64]) -> Oracle:
    """An annotator who knows `labels`, -1 for OOD images."""
    nothing = TrialImages(ArrayImages(np.zeros((N, 1, 1, 1), np.uint8)), np.arange(N))
    return Oracle(
        images=nothing, classes=ClassSplit(np.arange(CLASSES), CLASSES), labels=labels, is_ood=labels < 0,
        sample_ids=np.arange(N), sources=("ours", "other"), files=None, initial=np.arange(10),
        validation_images=nothing, validation_labels=validation_labels,
        test_images=nothing, test_labels=np.zeros(N, np.int64),
    )  # fmt: skip


@pytest.mark.parametrize("method", METHODS, ids=lambda method: repr(method)[:60])
def test_what_was_not_bought_decides_nothing(method: Method) -> None:
    """Two queries in, the hidden answers are shuffled: the same images are chosen, except by a control."""
    view, rng = smooth_pool(seed=5, n=N, classes=CLASSES), np.random.default_rng(0)
    labels = np.where(rng.random(N) < 0.4, -1, rng.integers(CLASSES, size=N))
    labels[:10] = np.arange(10) % CLASSES
    state = PoolState.start(N, np.arange(10))
    for rows in (np.arange(10, 22), np.arange(22, 34)):
        state = state.acquire(rows, labels < 0, discard=True)
    shuffled = labels.copy()
    shuffled[34:] = np.roll(labels[34:], 5)
    assert (shuffled[34:] != labels[34:]).any()
    names = ("probabilities", "features", "mc_probabilities", "member_probabilities", "auxiliary")
    scores = Scores(**{name: getattr(view, name) for name in names}, outlier_probability=rng.random(N))
    held_out = replace(scores, auxiliary=None, outlier_probability=None)

    def chosen(truth: NDArray[np.int64]) -> list[int]:
        oracle = oracle_with(truth, view.validation_labels)
        drawn = query(method, 8, state, oracle, scores, held_out, np.random.default_rng(1), learn=True)
        return [image.row for image in drawn.acquired]

    if method.control:
        assert (labels[chosen(labels)] >= 0).all()
        assert (shuffled[chosen(shuffled)] >= 0).all()
    else:
        assert chosen(labels) == chosen(shuffled)


def test_the_detector_is_judged_when_it_chose() -> None:
    """By hidden answers, for the record alone: the outlier class against all that was on offer."""
    view, rng = smooth_pool(seed=5, n=N, classes=CLASSES), np.random.default_rng(0)
    labels = np.where(rng.random(N) < 0.4, -1, 0)
    labels[:10] = 0
    state = PoolState.start(N, np.arange(10)).acquire(np.arange(10, 22), labels < 0, discard=True)
    scores = Scores(
        probabilities=view.probabilities, features=view.features, outlier_probability=rng.random(N)
    )
    oracle = oracle_with(labels, view.validation_labels)
    drawn = query(STRATEGIES["margin"](), 8, state, oracle, scores, scores, rng, learn=True)
    on_offer = np.arange(22, N)
    expected = roc_auc_score(labels[on_offer] < 0, scores.outlier_probability[on_offer])
    assert drawn.detector_auroc == pytest.approx(expected)


def test_only_the_control_is_told_what_is_ood() -> None:
    """One channel for hidden answers, and one strategy that has it."""
    assert [name for name, method in STRATEGIES.items() if method.control] == ["oracle_purity"]
