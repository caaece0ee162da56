"""Pairs, ranks and tests over settings, against scipy, enumeration and hand-worked examples."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dalbt_ray.report.rankings import (
    checkpoints,
    mean_ranks,
    pairwise_wilcoxon,
    penalty_matrix,
    setting_means,
)
from dalbt_ray.report.study import Study
from tests.analysis_frames import METHODS, Frames, Sweep, make_study, study_of, two_methods


def test_checkpoints_double_until_random_is_done():
    """Random has 99 % of its final 0.80 (0.792) in round 3: rounds 1 and 2, and 4, the first power at or after it."""
    rounds = study_of(two_methods(last_round=10)).rounds
    rounds.loc[rounds["strategy"] == "random", "test_accuracy"] = [0.5, 0.6, 0.7, 0.795, *[0.8] * 7] * 4
    assert checkpoints(rounds) == [1, 2, 4]
    assert checkpoints(rounds[rounds["strategy"] == "dalbt"]) == [1, 2, 4, 8]


def test_penalty_matrix_equals_scipy_and_holm_by_hand():
    """Every test by ttest_rel on seeds; a significant one adds one over the number of checkpoints to the winner."""
    rounds = make_study(Sweep([("mnist", "", 100)], METHODS[:3], seeds=6, last_round=4)).rounds
    result = penalty_matrix(rounds)
    expected = pd.DataFrame(0.0, index=result.matrix.index, columns=result.matrix.index)
    tests = []
    for r in result.checkpoints["mnist, b=100"]:
        table = rounds[rounds["round"] == r].pivot_table(
            index="seed", columns="method", values="test_accuracy"
        )
        pairs = combinations(sorted(table), 2)
        tests += [(a, b, *stats.ttest_rel(table[a], table[b])) for a, b in pairs]
    order = np.argsort([test[3] for test in tests])
    for place, index in enumerate(order):
        a, b, t, p = tests[index]
        if p * (len(tests) - place) >= 0.05:
            break
        winner, loser = (a, b) if t > 0 else (b, a)
        expected.loc[winner, loser] += 1 / len(result.checkpoints["mnist, b=100"])
    assert expected.to_numpy().sum() > 0
    pd.testing.assert_frame_equal(result.matrix, expected)
    assert result.beaten["random (supervised)"] == pytest.approx(expected["random (supervised)"].sum() / 2)


def running(frames: Frames) -> Study:
    """Seed 2 of dalbt has come to round 2 and goes on."""
    rounds, trials = frames.rounds, frames.trials.copy()
    trials.loc[(trials["strategy.name"] == "dalbt") & (trials["seed"] == 2), "status"] = "running"
    ahead = (rounds["strategy"] == "dalbt") & (rounds["seed"] == 2) & (rounds["round"] > 2)
    return study_of(frames, rounds=rounds[~ahead], trials=trials)


def test_penalty_matrix_reports_dropped_seeds():
    """A checkpoint that one method has not reached with a seed drops that seed there, and only there."""
    tests = penalty_matrix(running(two_methods()).rounds).tests.set_index("round")
    assert tests["dropped_seeds"].to_dict() == {1: "", 2: "", 4: "2"}
    assert tests["n_seeds"].to_dict() == {1: 4, 2: 4, 4: 3}


def test_a_stalled_trial_is_tested_with_its_last_accuracy():
    """As in areas and curves: without it only the seeds that went on would speak for the method that stalls."""
    frames = two_methods()
    rounds = frames.rounds
    mine = (rounds["strategy"] == "dalbt") & (rounds["seed"] == 2)
    rounds.loc[mine & (rounds["round"] == 2), ["status", "test_accuracy"]] = ["stalled", 0.25]
    made = study_of(frames, rounds=rounds[~mine | (rounds["round"] <= 2)])
    last = penalty_matrix(made.rounds).tests.set_index("round").loc[4]
    table = rounds[rounds["round"] == 4].pivot_table(index="seed", columns="strategy", values="test_accuracy")
    table.loc[2, "dalbt"] = 0.25
    assert (last["n_seeds"], last["dropped_seeds"]) == (4, "")
    assert last["difference"] == pytest.approx((table["dalbt"] - table["random"]).mean())
    assert last["p"] == pytest.approx(stats.ttest_rel(table["dalbt"], table["random"]).pvalue)


def test_mean_ranks_by_hand():
    """Two settings with a, b, c: ranks 1, 2, 3 and 1.5, 1.5, 3; an incomplete setting stays out."""
    nan = np.nan
    means = pd.DataFrame(
        {"a": [0.9, 0.8, 0.5], "b": [0.8, 0.8, nan], "c": [0.7, 0.6, nan], "d": [nan, nan, 0.9]},
        index=["x", "y", "z"],
    )
    ranks, settings, left_out = mean_ranks(means)
    assert ranks.to_dict() == {"a": 1.25, "b": 1.75, "c": 3.0}
    assert (settings, left_out) == (["x", "y"], ["d"])


def test_wilcoxon_over_settings_by_enumeration():
    """Exact p of the signed-rank sum over all sign patterns; settings that lack one of the pair do not count."""
    difference = np.array([0.03, 0.01, -0.005, 0.02, 0.04, 0.06])
    means = pd.DataFrame({"a": 0.7 + difference, "b": 0.7}, index=list("uvwxyz"))
    means.loc["t"] = [0.9, np.nan]
    row = pairwise_wilcoxon(means).iloc[0]
    ranks = stats.rankdata(np.abs(difference))
    observed = abs((np.sign(difference) * ranks).sum())
    flips = [abs((np.array(signs) * ranks).sum()) >= observed for signs in product((-1, 1), repeat=6)]
    assert row["p"] == pytest.approx(np.mean(flips))
    assert (row["n_settings"], row["wins"], row["losses"]) == (6, 5, 1)
    assert row["smallest_p"] == 2**-5


def test_setting_means_ignore_unfinished_trials():
    """A running seed would pull the mean of its method."""
    frames = two_methods()
    rounds = frames.rounds
    means = setting_means(running(frames).rounds, "final")
    finals = rounds[(rounds["round"] == 4) & (rounds["strategy"] == "dalbt") & (rounds["seed"] != 2)]
    assert means["dalbt"].item() == pytest.approx(finals["test_accuracy"].mean())
