"""Two folders compared: equal ones, a first difference, a real change, a changed option."""

from dataclasses import replace

import numpy as np

from dalbt_ray.report.compare import Comparison, compare_studies
from dalbt_ray.report.study import Tables, prepare
from tests.analysis_frames import TWO, Sweep, make_frames, two_methods


def compare_tables(a: Tables, b: Tables) -> Comparison:
    """Of two folders."""
    return compare_studies(prepare(a, "A"), prepare(b, "B"))


def test_comparing_a_sweep_with_itself():
    """Nothing changed, whatever the order of the rows."""
    frames = make_frames()
    comparison = compare_tables(frames, replace(frames, rounds=frames.rounds.sample(frac=1, random_state=0)))
    assert comparison.verdict.startswith("Nothing changed: all 252 shared rounds are identical")


def test_comparing_names_the_first_difference_and_the_lonely_cells():
    """One changed round, one cell that only A has."""
    a = two_methods(seeds=3)
    b = a.rounds[a.rounds["trial_id"] != a.rounds["trial_id"].iloc[0]].copy()
    changed = (b["strategy"] == "random") & (b["seed"] == 1) & (b["round"] >= 3)
    b.loc[changed, "test_nll"] += 1e-12
    comparison = compare_tables(a, replace(a, rounds=b))
    first = comparison.first_difference.iloc[0]
    assert len(comparison.first_difference) == 1
    assert first[["method", "seed", "round", "metric"]].tolist() == ["random", 1, 3, "test_nll"]
    assert comparison.only_a == ["mnist, b=100 dalbt seed 0"]
    assert comparison.verdict.startswith(
        "2 of 25 shared rounds differ. No method's mean changed significantly"
    )


def test_comparing_sees_other_images_behind_equal_numbers():
    """One round was trained on other images and came to the same metrics."""
    a = two_methods(seeds=2)
    other = a.rounds["labeled_sha256"].where(a.rounds.index != 4, "other")
    comparison = compare_tables(a, replace(a, rounds=a.rounds.assign(labeled_sha256=other)))
    assert comparison.rounds_identical == comparison.rounds_shared - 1
    (first,) = comparison.first_difference.itertuples()
    assert (first.metric, first.b) == ("labeled_sha256", "other")


def test_comparing_finds_a_real_change():
    """Two points more in every seed of one method: found, with its interval around 0.02, and nothing else."""
    a = two_methods(seeds=6)
    noise = np.random.default_rng(0).normal(0.02, 0.002, len(a.rounds))
    better = a.rounds["test_accuracy"] + np.where(a.rounds["strategy"] == "dalbt", noise, 0)
    b = replace(a, rounds=a.rounds.assign(test_accuracy=better))
    methods = compare_tables(a, b).methods.set_index(["method", "value"])
    row = methods.loc[("dalbt", "aubc")]
    assert row["low"] < 0.02 < row["high"]
    assert set(methods[methods["p_holm"] < 0.05].index) == {
        ("dalbt", "aubc"),
        ("dalbt", "final"),
    }


def test_comparing_joins_what_a_changed_option_keeps_apart():
    """All trials of B train longer: cells still meet, and the option is named. Two policies in each stay two."""
    methods = [("dalbt", "joint", 0.05, {"strategy.policy": policy}) for policy in ("band", "tail")]
    a = make_frames(Sweep([("mnist", "", 100)], [*methods, TWO[1]], seeds=2))
    b = replace(a, trials=a.trials.assign(**{"training.epochs": 50}))
    comparison = compare_tables(a, b)
    assert (comparison.rounds_shared, comparison.rounds_identical) == (len(a.rounds), len(a.rounds))
    assert "Configured differently: training.epochs." in comparison.verdict
    assert set(comparison.methods["method"]) == {
        "dalbt (policy=band)", "dalbt (policy=tail)", "random"
    }  # fmt: skip
