"""Curves, areas, targets, purity, overlap and cost, against hand-worked examples or slow independent versions."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dalbt_ray.report.acquired import class_balance, purity_by_round, purity_summary, selection_overlap
from dalbt_ray.report.cost import cost_summary
from dalbt_ray.report.curves import (
    aubc,
    labels_to_target,
    learning_curves,
    mean_interval,
    summarize,
    trial_summary,
)
from dalbt_ray.report.frames import baseline_of, prepare_rounds
from dalbt_ray.report.picks import acquired_by_trial
from tests.analysis_frames import METHODS, Sweep, make_frames

ONE = Sweep(settings=[("mnist", "", 100)], methods=[("random", "supervised", 0.0)], seeds=1)


def one_trial(acquired: list[int], accuracy: list[float], status: str = "ok") -> pd.DataFrame:
    """A prepared trial of one seed with the given curve; its initial set has 100 images."""
    rounds = make_frames(Sweep(ONE.settings, ONE.methods, seeds=1, last_round=len(acquired) - 1)).rounds
    rounds["n_bought"] = acquired
    rounds["n_labeled"] = np.array(acquired) + 100
    rounds["test_accuracy"] = accuracy
    rounds.loc[len(rounds) - 1, "status"] = status
    return prepare_rounds(rounds)


def test_area_of_unequally_spaced_rounds():
    """By hand: (0.5+0.7)/2 over 100 labels and (0.7+0.9)/2 over 300 give (60 + 240) / 400 = 0.75."""
    assert aubc(np.array([100.0, 200, 500]), np.array([0.5, 0.7, 0.9])) == pytest.approx(0.75)


def test_area_does_not_depend_on_where_a_straight_curve_is_sampled():
    """Points on a straight line between two rounds add nothing."""
    labels = np.sort(np.random.default_rng(0).uniform(0, 1000, 20))
    values = 0.3 + labels / 2000
    assert aubc(labels, values) == pytest.approx((values[0] + values[-1]) / 2)


def test_area_of_one_round_is_unknown():
    """A single point has no area."""
    assert np.isnan(aubc(np.array([100.0]), np.array([0.5])))


def test_trial_areas_equal_the_curve_by_curve_ones():
    """All trials at once give what the definition gives for each, on both axes."""
    rounds = prepare_rounds(make_frames().rounds)
    for axis in ("n_bought", "n_labeled"):
        trials = trial_summary(rounds, axis=axis).set_index("trial_id")
        for trial_id, curve in rounds.groupby("trial_id"):
            area = aubc(curve[axis].to_numpy(float), curve["test_accuracy"].to_numpy())
            assert trials.loc[trial_id, "aubc"] == pytest.approx(area)


def test_a_stalled_trial_keeps_its_last_accuracy():
    """Stalled at 100 of 300 labels with 0.7: (0.5+0.7)/2 * 1/3 + 0.7 * 2/3; its final accuracy counts."""
    long = one_trial([0, 100, 200, 300], [0.5, 0.6, 0.7, 0.8]).assign(trial_id="long", seed=0)
    stalled = one_trial([0, 100], [0.5, 0.7], status="stalled").assign(trial_id="short", seed=1)
    trials = trial_summary(pd.concat([long, stalled])).set_index("trial_id")
    assert trials.loc["short", "aubc"] == pytest.approx(0.6 / 3 + 0.7 * 2 / 3)
    assert trials.loc["short", "final"] == 0.7


@pytest.mark.parametrize("status", ["ok", "diverged"])
def test_a_trial_that_is_not_through_has_no_area(status: str):
    """A running or diverged trial is counted, but in no mean."""
    long = one_trial([0, 100, 200], [0.5, 0.6, 0.7]).assign(trial_id="long", seed=0)
    short = one_trial([0, 100], [0.5, 0.9], status=status).assign(trial_id="short", seed=1)
    table = summarize(pd.concat([long, short]))
    assert table[["n_seeds", "n_partial"]].to_numpy().tolist() == [[1, 1]]
    assert table["final"].item() == 0.7


def test_curve_means_and_spreads():
    """Mean and standard deviation of every point, by plain numpy over the seeds."""
    rounds = prepare_rounds(make_frames().rounds)
    curves = learning_curves(rounds, "test_nll")
    row = curves[(curves["method"] == "dalbt (joint)") & (curves["round"] == 3)].iloc[-1]
    values = rounds[(rounds["setting"] == row["setting"]) & (rounds["method"] == row["method"])]
    values = values[values["round"] == 3]["test_nll"].to_numpy()
    assert row["mean"] == pytest.approx(values.mean())
    assert row["sd"] == pytest.approx(values.std(ddof=1))
    assert row["n_seeds"] == 3
    assert values.min() <= row["low"] <= row["mean"] <= row["high"] <= values.max()


def test_bootstrap_interval_equals_scipys():
    """The weighted-mean form is the percentile bootstrap: equal to scipy's up to resampling noise."""
    values = np.random.default_rng(1).normal(0.8, 0.02, size=(6, 3))
    low, high = mean_interval(values, resamples=40_000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=40_000, rng=0, axis=0)
    assert low == pytest.approx(theirs.confidence_interval.low, abs=3e-4)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=3e-4)


def test_one_seed_has_no_interval():
    """Nothing is known about spread."""
    curves = learning_curves(prepare_rounds(make_frames(ONE).rounds))
    assert curves[["low", "high", "sd"]].isna().all(axis=None)


def test_curves_of_seeds_that_reached_different_rounds():
    """A running sweep: every point uses the seeds that have it, and no other."""
    rounds = prepare_rounds(make_frames(Sweep(ONE.settings, ONE.methods, seeds=3)).rounds)
    rounds = rounds[(rounds["seed"] == 0) | (rounds["round"] <= 2)]
    curves = learning_curves(rounds).set_index("round")
    assert curves["n_seeds"].tolist() == [3, 3, 3, 1, 1, 1]
    assert curves["low"].notna().tolist() == [True] * 3 + [False] * 3
    last = rounds[(rounds["seed"] == 0) & (rounds["round"] == 5)]["test_accuracy"].item()
    assert curves.loc[5, "mean"] == pytest.approx(last)


def test_labels_to_a_target_between_rounds():
    """0.6 to 0.8 over labels 200 to 400 (100 of them initial): 0.7 is crossed at 300."""
    found = labels_to_target(one_trial([0, 100, 300], [0.5, 0.6, 0.8]), 0.7)
    assert found["labels"].item() == pytest.approx(300)
    assert found["reached"].item()


def test_first_crossing_counts():
    """A curve that falls again has reached its target all the same."""
    found = labels_to_target(one_trial([0, 100, 200, 300], [0.5, 0.7, 0.6, 0.9]), 0.65)
    assert found["labels"].item() == pytest.approx(175)


def test_a_target_that_is_not_reached_is_censored():
    """How far it got is a lower bound."""
    found = labels_to_target(one_trial([0, 100], [0.5, 0.6]), 0.9)
    assert found[["labels", "reached"]].to_numpy().tolist() == [[200.0, False]]


def test_purity_family_by_hand():
    """100 acquired, 40 ood, a pool with 25 % OOD images: purity 0.6, enrichment 0.6 / 0.75 = 0.8."""
    rounds = make_frames(Sweep([("a", "b", 100)], [("random", "joint", 0.0)], seeds=1, last_round=2)).rounds
    rounds["n_bought"], rounds["n_ood_bought"] = [0, 100, 200], [0, 40, 40]
    rounds["pool_ood_share"], rounds["n_repeat"] = [np.nan, 0.25, 0.2], [0, 0, 10]
    each = purity_by_round(prepare_rounds(rounds))
    assert each["purity"].tolist() == [0.6, 1.0]
    assert each["cumulative"].tolist() == [0.6, 0.8]
    assert each["enrichment"].tolist() == pytest.approx([0.8, 1.25])
    total = purity_summary(prepare_rounds(rounds)).iloc[0]
    assert (total["acquired"], total["gained"], total["wasted"]) == (200, 160, 40)
    assert (total["purity"], total["repeats"], total["empty_rounds"]) == (0.8, 0.05, 0)


def test_overlap_equals_sets_counted_one_by_one():
    """Jaccard of every pair of methods, with Python sets over (source, sample) of trials of one seed."""
    frames = make_frames(Sweep(methods=METHODS[:3], seeds=2, last_round=2))
    rounds = prepare_rounds(frames.rounds)
    setting = rounds["setting"].unique()[1]
    matrix = selection_overlap(acquired_by_trial(frames.selections, rounds), rounds, setting)
    here = rounds[rounds["setting"] == setting].drop_duplicates("trial_id")

    def acquired(method: str, seed: int) -> set[tuple[str, int]]:
        trial = here[(here["method"] == method) & (here["seed"] == seed)]["trial_id"].item()
        picks = frames.selections[frames.selections["trial_id"] == trial]
        return set(zip(picks["source"], picks["sample_id"], strict=True))

    a, b = "dalbt (joint)", "random (supervised)"
    each = [len(acquired(a, s) & acquired(b, s)) / len(acquired(a, s) | acquired(b, s)) for s in (0, 1)]
    assert matrix.loc[a, b] == matrix.loc[b, a] == pytest.approx(np.mean(each))
    itself = len(acquired(a, 0) & acquired(a, 1)) / len(acquired(a, 0) | acquired(a, 1))
    assert matrix.loc[a, a] == pytest.approx(itself)


def test_overlap_is_cut_to_the_shorter_trial():
    """What a running trial has not acquired yet does not count against it."""
    sweep = Sweep([("mnist", "", 50)], METHODS[:2], seeds=1, last_round=3)
    frames = make_frames(sweep)
    ids = frames.rounds["trial_id"].unique()
    first = frames.selections[frames.selections["trial_id"] == ids[0]]
    same = pd.concat([first, first.assign(trial_id=ids[1])])
    rounds = frames.rounds[(frames.rounds["trial_id"] == ids[0]) | (frames.rounds["round"] <= 1)]
    prepared = prepare_rounds(rounds)
    matrix = selection_overlap(acquired_by_trial(same, prepared), prepared, "mnist, b=50")
    assert matrix.loc["dalbt (joint)", "random (joint)"] == 1.0


def test_class_balance_by_hand():
    """Labels 0, 0, 1, 1 of two classes are balanced; 0, 0, 0, 1 have entropy 0.811 bits; OOD ones do not count."""
    frames = make_frames(Sweep([("a", "b", 5)], [("random", "joint", 0.0), ("dalbt", "joint", 0.0)], 1, 1))
    picks = frames.selections.copy()
    picks["label"] = [0, 0, 1, 1, -1, 0, 0, 0, 1, -1]
    picks["is_ood"] = picks["label"] == -1
    rounds = prepare_rounds(frames.rounds)
    table = class_balance(acquired_by_trial(picks, rounds), rounds).set_index("method")
    assert table.loc["random (joint)"].tolist()[1:] == pytest.approx([1.0, 0.5, 0.5])
    assert table.loc["dalbt (joint)"].tolist()[1:] == pytest.approx([0.8112781, 0.25, 0.75])


def test_cost_by_hand():
    """Two rounds of 10 and 20 s on 2 devices are 60 device seconds; 20 points gained cost 3 each."""
    frames = make_frames(Sweep(ONE.settings, ONE.methods, seeds=1, last_round=1))
    rounds = prepare_rounds(frames.rounds.assign(test_accuracy=[0.5, 0.7]))
    timings = frames.timings.assign(train_seconds=[8.0, 17.0], total_seconds=[10.0, 20.0])
    row = cost_summary(timings, rounds, devices={rounds["trial_id"][0]: 2}).iloc[0]
    assert (row["train"], row["trial_seconds"], row["round_seconds"]) == (25, 30, 15)
    assert row["other"] == pytest.approx(30 - 25 - 2 * (0.5 + 0.1 + 0.4))
    assert row["device_hours"] * 3600 == pytest.approx(60)
    assert row["device_hours_per_point"] * 3600 == pytest.approx(3)


def test_two_networks_in_one_cell_are_two_methods():
    """Trials that differ in more than the seed must not be averaged as if they were seeds."""
    rounds = make_frames(Sweep(ONE.settings, ONE.methods * 2, seeds=2)).rounds
    second = rounds["trial_id"] >= f"{2:016x}"
    rounds.loc[second, "network_id"] = "ffff0000"
    assert sorted(prepare_rounds(rounds)["method"].unique()) == [
        "random (supervised) net ffff00",
        "random (supervised) net net-su",
    ]


def test_baseline_has_the_same_objective_where_there_is_one():
    """Selection and loss are told apart."""
    methods = [
        "dalbt (joint)",
        "random (joint)",
        "random (supervised)",
        "entropy (supervised, temperature=2)",
    ]
    assert baseline_of(methods[0], methods) == "random (joint)"
    assert baseline_of(methods[3], methods) == "random (supervised)"
    assert baseline_of(methods[0], methods[2:]) == "random (supervised)"
    assert baseline_of(methods[0], methods[:1]) is None


def test_baseline_has_the_same_variant_where_there_is_one():
    """More steps help random, too."""
    methods = [
        "dalbt (joint, 200 steps)",
        "dalbt (joint, policy=inlier_band)",
        "random (joint)",
        "random (joint, 200 steps)",
        "random (supervised)",
    ]
    assert baseline_of(methods[0], methods) == "random (joint, 200 steps)"
    assert baseline_of(methods[1], methods) == "random (joint)"
    assert baseline_of(methods[0], methods, "supervised") == "random (supervised)"


def test_trapezoids_of_a_long_curve():
    """The area, summed trapezoid by trapezoid in plain Python."""
    rng = np.random.default_rng(3)
    labels, values = np.cumsum(rng.integers(1, 900, 40)).astype(float), rng.random(40)
    points = list(zip(labels, values, strict=True))
    slow = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(points)) / (
        labels[-1] - labels[0]
    )
    assert aubc(labels, values) == pytest.approx(slow)
