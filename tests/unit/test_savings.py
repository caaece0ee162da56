"""Labels saved, by hand and without any effect."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dalbt_ray.report.savings import saving_against_random
from tests.analysis_frames import Frames, study_of, two_methods


def with_curves(curves: dict[tuple[str, int], list[float]]) -> Frames:
    """Two seeds and two rounds with the given accuracies."""
    frames = two_methods(seeds=2, last_round=2)
    rounds = frames.rounds
    for (strategy, seed), values in curves.items():
        rounds.loc[(rounds["strategy"] == strategy) & (rounds["seed"] == seed), "test_accuracy"] = values
    return frames


def test_saving_by_hand():
    """Random ends at 300 labels with 0.8 in both seeds; dalbt gets there at 200 and 250: logs of 2/3 and 5/6."""
    curves = {("random", 0): [0.5, 0.7, 0.8], ("random", 1): [0.5, 0.7, 0.8]}
    curves |= {("dalbt", 0): [0.5, 0.8, 0.9], ("dalbt", 1): [0.5, 0.7, 0.9]}
    row = saving_against_random(study_of(with_curves(curves))).iloc[0]
    logs = np.log([200 / 300, 250 / 300])
    assert row["saving"] == pytest.approx(1 - np.exp(logs.mean()))
    interval = stats.t.interval(0.95, 1, logs.mean(), stats.sem(logs))
    assert (row["high"], row["low"]) == pytest.approx(tuple(1 - np.exp(interval)))
    assert (row["n_both"], row["labels"], row["baseline_labels"]) == (2, 225, 300)


def test_a_method_that_ends_lower_needs_more_labels():
    """Its own final accuracy is the target then: 300 labels against the 200 that random needed."""
    curves = {("random", seed): [0.5, 0.7, 0.9] for seed in (0, 1)}
    curves |= {("dalbt", seed): [0.5, 0.6, 0.7] for seed in (0, 1)}
    row = saving_against_random(study_of(with_curves(curves))).iloc[0]
    assert row["saving"] == pytest.approx(1 - 300 / 200)


def test_a_target_that_is_not_reached_is_counted():
    """One of two seeds never reaches a target that was named: it is not guessed, and one seed has no interval."""
    curves = {("random", seed): [0.5, 0.7, 0.8] for seed in (0, 1)}
    curves |= {("dalbt", 0): [0.5, 0.8, 0.9], ("dalbt", 1): [0.5, 0.6, 0.7]}
    row = saving_against_random(study_of(with_curves(curves)), target=0.8).iloc[0]
    assert (row["n_seeds"], row["reached"], row["baseline_reached"], row["n_both"]) == (2, 1, 2, 1)
    assert row["saving"] == pytest.approx(1 / 3)
    assert np.isnan(row["low"])


def without_effect(n: int, settings: int) -> Frames:
    """Studies side by side: random, and random under another name, with `n` seeds and six rounds that hardly rise."""
    rng = np.random.default_rng(n)
    keys = list(product(range(settings), ("random", "other"), range(n)))
    trials = pd.DataFrame(
        [(f"set{i:04}", "", 100, strategy, "supervised", seed, "ok") for i, strategy, seed in keys],
        columns=["dataset", "ood", "budget", "strategy.name", "objective.name", "seed", "status"],
        index=[f"{i:06}" for i in range(len(keys))],
    )
    heads = trials.rename(columns={"strategy.name": "strategy", "objective.name": "objective"})
    rounds = heads.loc[heads.index.repeat(7)].reset_index(names="trial_id")
    rounds["round"] = np.tile(np.arange(7), len(keys))
    rounds["n_bought"] = 100 * rounds["round"]
    curve = 0.9 - 0.45 * (rounds["round"] + 1) ** -0.6
    seeds = rng.normal(0, 0.01, (settings, 1, n, 1)) + np.zeros((1, 2, 1, 7))
    accuracy = curve + seeds.ravel() + rng.normal(0, 0.01, len(rounds))
    rounds = rounds.assign(
        n_labeled=rounds["n_bought"] + 100, test_accuracy=accuracy, network_id="n", n_ood_bought=0
    )
    nothing = pd.DataFrame()
    return Frames(rounds, nothing, nothing, trials)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_savings_without_effect(n: int):
    """A method that is random under another name: at most 7 % of the intervals exclude zero."""
    table = saving_against_random(study_of(without_effect(n, settings=300)))
    assert len(table) == 300
    assert ((table["low"] > 0) | (table["high"] < 0)).mean() <= 0.07
