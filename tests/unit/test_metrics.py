"""Curves, areas, targets, purity, overlap and cost, against hand-worked examples or slow independent versions."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dalbt_ray.report.acquired import class_balance, purity_by_round, purity_summary, selection_overlap
from dalbt_ray.report.cost import cost_summary
from dalbt_ray.report.curves import differences, learning_curves
from dalbt_ray.report.measures import Measure
from dalbt_ray.report.paired import half_width
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.savings import labels_to_target
from dalbt_ray.report.summaries import aubc, horizons, summarize, trial_summary
from tests.analysis_frames import METHODS, Sweep, make_frames, make_study, study_of

ONE = Sweep(settings=[("mnist", "", 100)], methods=[("random", "supervised", 0.0)], seeds=1)


def one_trial(acquired: list[int], accuracy: list[float], status: str = "ok") -> pd.DataFrame:
    """A prepared trial of one seed with the given curve; its initial set has 100 images."""
    frames = make_frames(Sweep(ONE.settings, ONE.methods, seeds=1, last_round=len(acquired) - 1))
    rounds = frames.rounds
    rounds["n_bought"] = acquired
    rounds["n_labeled"] = np.array(acquired) + 100
    rounds["test_accuracy"] = accuracy
    rounds.loc[len(rounds) - 1, "status"] = status
    return study_of(frames).rounds


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
    rounds = make_study().rounds
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


@pytest.mark.parametrize(("status", "finished"), [("ok", False), ("diverged", True)])
def test_a_trial_that_is_not_through_has_no_area(status: str, finished: bool):
    """A running or diverged trial is counted, but in no mean."""
    long = one_trial([0, 100, 200], [0.5, 0.6, 0.7]).assign(trial_id="long", seed=0)
    short = one_trial([0, 100], [0.5, 0.9], status=status).assign(trial_id="short", seed=1, finished=finished)
    table = summarize(pd.concat([long, short]))
    counts = table[["n_seeds", "n_running", "n_diverged"]].to_numpy().tolist()
    assert counts == [[1, int(not finished), int(finished)]]
    assert table["final"].item() == 0.7


def test_finished_trials_of_different_lengths_are_compared_as_far_as_all_went():
    """One trial was asked for 10 rounds and one for 2: both count, at 200 labels; curves go on to the end."""
    long = one_trial([*range(0, 1001, 100)], [0.5, 0.6, 0.7, *[0.9] * 8]).assign(trial_id="long", seed=0)
    short = one_trial([0, 100, 200], [0.5, 0.6, 0.8]).assign(trial_id="short", seed=1)
    both = pd.concat([long, short])
    assert horizons(both).tolist() == [200]
    trials = trial_summary(both).set_index("trial_id")
    assert trials["aubc"].to_dict() == pytest.approx({"long": 0.6, "short": (0.55 + 0.7) / 2})
    assert trials["final"].to_dict() == {"long": 0.7, "short": 0.8}
    assert trials["last_round"].to_dict() == {"long": 10, "short": 2}
    assert summarize(both)[["n_seeds", "n_running", "n_labeled"]].to_numpy().tolist() == [[2, 0, 300]]
    assert learning_curves(both)["round"].max() == 10


def test_a_running_trial_sets_no_horizon():
    """It is behind, and says nothing about how far the finished ones are to be compared; past it, it counts."""
    done = one_trial([0, 100, 200], [0.5, 0.6, 0.7]).assign(trial_id="done")
    behind = one_trial([0, 100], [0.5, 0.6]).assign(trial_id="behind", seed=1, finished=False)
    past = one_trial([0, 100, 200, 300], [0.5, 0.6, 0.8, 0.9]).assign(trial_id="past", seed=2, finished=False)
    trials = trial_summary(pd.concat([done, behind, past])).set_index("trial_id")
    assert trials["complete"].to_dict() == {"done": True, "behind": False, "past": True}
    assert trials["final"].dropna().to_dict() == {"done": 0.7, "past": 0.8}
    assert trial_summary(behind)["complete"].tolist() == [False]


def test_a_users_own_metric_is_reported_by_its_column():
    """Its value at the horizon, beside the shipped ones; nothing asks for its name."""
    rounds = make_study(ONE).rounds.assign(harmonic=0.25)
    table = summarize(
        rounds, also=[Measure(name, name) for name in ("test_accuracy", "test_nll", "harmonic")]
    )
    assert table["harmonic"].item() == 0.25
    assert table["test_nll"].item() == rounds["test_nll"].iloc[-1]


def test_curve_means_and_spreads():
    """Mean and standard deviation of every point, by plain numpy over the seeds."""
    rounds = make_study().rounds
    curves = learning_curves(rounds, "test_nll")
    row = curves[(curves["method"] == "dalbt (joint)") & (curves["round"] == 3)].iloc[-1]
    values = rounds[(rounds["setting"] == row["setting"]) & (rounds["method"] == row["method"])]
    values = values[values["round"] == 3]["test_nll"].to_numpy()
    assert row["mean"] == pytest.approx(values.mean())
    assert row["sd"] == pytest.approx(values.std(ddof=1))
    assert row["n_seeds"] == 3
    interval = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx(interval)


def test_differences_are_paired_with_the_own_random():
    """By plain numpy: seed by seed, dalbt minus random under the same objective, at one round."""
    study = make_study()
    curve = differences(study, "test_ece")
    row = curve[(curve["method"] == "dalbt (joint)") & (curve["round"] == 2)].iloc[0]
    here = study.rounds[(study.rounds["setting"] == row["setting"]) & (study.rounds["round"] == 2)]
    one, other = (
        here[here["method"] == name].set_index("seed")["test_ece"]
        for name in ("dalbt (joint)", "random (joint)")
    )
    assert row["baseline"] == "random (joint)"
    assert row["mean"] == pytest.approx((one - other).mean())
    interval = stats.t.interval(0.95, 2, (one - other).mean(), stats.sem(one - other))
    assert (row["low"], row["high"]) == pytest.approx(interval)
    assert not curve["method"].str.startswith("random").any()


@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_cover_the_mean_of_normal_values(n: int):
    """95 % of them, give or take four standard errors of such a share."""
    values = np.random.default_rng(n).normal(0.8, 0.02, (n, 20_000))
    assert covered(values, 0.8) == pytest.approx(0.95, abs=0.006)


@pytest.mark.parametrize(("n", "promised"), [(3, 0.88), (5, 0.88), (10, 0.90)])
def test_intervals_of_skewed_values(n: int, promised: float):
    """Exponential values, skewness 2: what the docstring of `half_width` and docs/analysis.md say."""
    values = np.random.default_rng(n).exponential(1.0, (n, 20_000))
    assert covered(values, 1.0) == pytest.approx(promised, abs=0.01)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_of_differences_of_skewed_values(n: int):
    """Differences of two methods whose values are skewed alike are symmetric: nothing is lost."""
    values = np.random.default_rng(n).exponential(1.0, (2, n, 20_000))
    assert covered(values[0] - values[1], 0.0) >= 0.95


def covered(values: np.ndarray, truth: float) -> float:
    """The share of columns whose interval holds the truth."""
    half = half_width(values.std(axis=0, ddof=1), np.full(values.shape[1], len(values)))
    return float((np.abs(values.mean(axis=0) - truth) <= half).mean())


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
    rounds = make_study(Sweep([("a", "b", 100)], [("random", "joint", 0.0)], seeds=1, last_round=2)).rounds
    rounds["n_bought"], rounds["n_ood_bought"] = [0, 100, 200], [0, 40, 40]
    rounds["pool_ood_share"], rounds["n_repeat"] = [np.nan, 0.25, 0.2], [0, 0, 10]
    each = purity_by_round(rounds)
    assert each["purity"].tolist() == [0.6, 1.0]
    assert each["cumulative"].tolist() == [0.6, 0.8]
    assert each["enrichment"].tolist() == pytest.approx([0.8, 1.25])
    total = purity_summary(rounds).iloc[0]
    assert (total["acquired"], total["gained"], total["wasted"]) == (200, 160, 40)
    assert (total["purity"], total["repeats"], total["empty_rounds"]) == (0.8, 0.05, 0)


def test_overlap_equals_sets_counted_one_by_one():
    """Jaccard of every pair of methods, with Python sets over (source, sample) of trials of one seed."""
    frames = make_frames(Sweep(methods=METHODS[:3], seeds=2, last_round=2))
    rounds = study_of(frames).rounds
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
    prepared = study_of(frames, rounds=rounds).rounds
    matrix = selection_overlap(acquired_by_trial(same, prepared), prepared, "mnist, b=50")
    assert matrix.loc["dalbt", "random"] == 1.0


def test_class_balance_by_hand():
    """Labels 0, 0, 1, 1 of two classes are balanced; 0, 0, 0, 1 have entropy 0.811 bits; OOD ones do not count."""
    frames = make_frames(Sweep([("a", "b", 5)], [("random", "joint", 0.0), ("dalbt", "joint", 0.0)], 1, 1))
    picks = frames.selections.copy()
    picks["label"] = [0, 0, 1, 1, -1, 0, 0, 0, 1, -1]
    picks["is_ood"] = picks["label"] == -1
    rounds = study_of(frames).rounds
    table = class_balance(acquired_by_trial(picks, rounds), rounds).set_index("method")
    assert table.loc["random"].tolist()[1:] == pytest.approx([1.0, 0.5, 0.5])
    assert table.loc["dalbt"].tolist()[1:] == pytest.approx([0.8112781, 0.25, 0.75])


def test_class_balance_of_a_class_split_counts_its_own_classes():
    """Two classes of a set are balanced, though another pool of that set has four."""
    frames = make_frames(Sweep([("a", "", 4), ("a", "b", 4)], [("random", "joint", 0.0)], 1, 1))
    picks = frames.selections.assign(label=[0, 0, 1, 1, 0, 1, 2, 3], is_ood=False)
    rounds = study_of(frames).rounds
    table = class_balance(acquired_by_trial(picks, rounds), rounds)
    assert sorted(table["rarest"]) == [0.25, 0.5]
    assert table["entropy"].tolist() == pytest.approx([1.0, 1.0])


def test_cost_by_hand():
    """Two rounds of 10 and 20 s of 2 workers are 60 seconds of work; 20 points gained cost 3 each."""
    frames = make_frames(Sweep(ONE.settings, ONE.methods, seeds=1, last_round=1))
    rounds = study_of(frames, rounds=frames.rounds.assign(test_accuracy=[0.5, 0.7])).rounds
    timings = frames.timings.assign(train_seconds=[8.0, 17.0], total_seconds=[10.0, 20.0])
    row = cost_summary(timings, rounds, workers={rounds["trial_id"][0]: 2}).iloc[0]
    assert (row["train"], row["trial_seconds"], row["round_seconds"]) == (25, 30, 15)
    assert row["other"] == pytest.approx(30 - 25 - 2 * (0.5 + 0.1 + 0.4))
    assert row["worker_seconds"] == pytest.approx(60)
    assert row["worker_seconds_per_point"] == pytest.approx(3)


def test_trapezoids_of_a_long_curve():
    """The area, summed trapezoid by trapezoid in plain Python."""
    rng = np.random.default_rng(3)
    labels, values = np.cumsum(rng.integers(1, 900, 40)).astype(float), rng.random(40)
    points = list(zip(labels, values, strict=True))
    slow = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pairwise(points)) / (
        labels[-1] - labels[0]
    )
    assert aubc(labels, values) == pytest.approx(slow)
