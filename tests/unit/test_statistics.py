"""Paired tests, power, savings and rankings, against exact enumeration, simulation, scipy and hand-worked examples."""

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from dalbt_ray.report.compare import compare_tables
from dalbt_ray.report.paired import detectable_difference, holm, paired_t_test, smallest_exact_p
from dalbt_ray.report.rankings import (
    checkpoints,
    mean_ranks,
    pairwise_wilcoxon,
    penalty_matrix,
    setting_means,
)
from dalbt_ray.report.savings import saving_against_random
from dalbt_ray.report.statistics import compare_with_random, power_sentence
from dalbt_ray.report.study import Study
from tests.analysis_frames import METHODS, Frames, Sweep, make_frames, make_study, study_of

TWO = [("dalbt", "joint", 0.05), ("random", "joint", 0.0)]


def two_methods(seeds: int = 4, last_round: int = 4, seed: int = 0) -> Frames:
    """Dalbt and random in one setting."""
    return make_frames(Sweep([("mnist", "", 100)], TWO, seeds=seeds, last_round=last_round), seed)


@pytest.mark.parametrize("n", [2, 5, 6])
def test_smallest_exact_p_equals_enumeration(n: int):
    """Of all sign flips of n equal gains, two are as extreme as the observed one."""
    sums = [abs(sum(signs)) for signs in product((-1, 1), repeat=n)]
    assert smallest_exact_p(n) == sum(total == n for total in sums) / 2**n


@pytest.mark.parametrize(("n", "difference", "power"), [(5, 1.0, 0.79), (5, 0.5, 0.29)])
def test_detectable_difference_gives_the_published_powers(n: int, difference: float, power: float):
    """With a spread of 0.6 points, 5 seeds find 1.0 points with power 0.79 and 0.5 points with power 0.29."""
    assert detectable_difference(0.6, n, power=power) == pytest.approx(difference, abs=0.015)


def test_detectable_difference_by_simulation():
    """At the returned difference four of five simulated experiments are significant."""
    n, runs = 4, 20_000
    difference = detectable_difference(1.0, n)
    samples = np.random.default_rng(0).normal(difference, 1.0, size=(n, runs))
    found = (paired_t_test(samples).p < 0.05).mean()
    assert found == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / runs))


def test_paired_test_equals_scipys():
    """Many columns at once, with seeds missing here and there."""
    rng = np.random.default_rng(1)
    differences = rng.normal(0.3, 1, size=(7, 5))
    differences[0, 1] = differences[2, 1] = differences[5, 4] = np.nan
    ours = paired_t_test(differences)
    for column in range(5):
        kept = differences[~np.isnan(differences[:, column]), column]
        theirs = stats.ttest_1samp(kept, 0)
        interval = theirs.confidence_interval(0.95)
        assert ours.n[column] == len(kept)
        assert ours.p[column] == pytest.approx(theirs.pvalue)
        assert (ours.low[column], ours.high[column]) == pytest.approx((interval.low, interval.high))


def test_equal_differences_get_the_exact_tests_p():
    """Three times the same gain has no spread; p = 0 would be absurd. Three times nothing is no gain."""
    test = paired_t_test(np.array([[0.25, 0.0], [0.25, 0.0], [0.25, 0.0]]))
    assert test.p.tolist() == [0.25, 1.0]


def test_one_pair_cannot_be_tested():
    """And says so by NaN, not by 0 or 1."""
    assert np.isnan(paired_t_test(np.array([[0.1], [np.nan]])).p).all()


def test_holm_by_hand():
    """0.01 * 4, then 0.02 * 3, 0.03 * 2 (not below the one before), 0.5; the missing test does not count."""
    adjusted = holm(np.array([0.03, 0.01, np.nan, 0.5, 0.02]))
    assert adjusted[[1, 4, 0, 3]] == pytest.approx([0.04, 0.06, 0.06, 0.5])
    assert np.isnan(adjusted[2])


def test_holm_equals_statsmodels():
    """Random p values with ties."""
    p = np.random.default_rng(0).random(50).round(2)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_methods_are_paired_by_seed_and_not_by_position():
    """Without seed 0 of dalbt, seeds 1 to 3 still meet seeds 1 to 3, and the drop is reported."""
    frames = two_methods()
    complete = study_of(frames).rounds
    rounds = frames.rounds
    less = study_of(frames, rounds=rounds[~((rounds["strategy"] == "dalbt") & (rounds["seed"] == 0))])
    row = compare_with_random(less, "final").iloc[0]
    finals = complete[complete["round"] == 4].pivot_table(
        index="seed", columns="method", values="test_accuracy"
    )
    expected = (finals["dalbt (joint)"] - finals["random (joint)"])[1:]
    assert row["difference"] == pytest.approx(expected.mean())
    assert row["sd"] == pytest.approx(expected.std())
    assert (row["n_seeds"], row["dropped_seeds"]) == (3, "0")


def test_order_of_rows_does_not_matter():
    """Any shuffle of the results folder gives the same tables."""
    frames = make_frames(Sweep(seeds=4))
    shuffled = {name: getattr(frames, name).sample(frac=1, random_state=3) for name in ("rounds", "trials")}
    for table in (
        compare_with_random,
        saving_against_random,
        lambda study: penalty_matrix(study.rounds).tests,
    ):
        pd.testing.assert_frame_equal(table(study_of(frames)), table(study_of(frames, **shuffled)))


def test_joint_methods_meet_both_randoms():
    """Within the objective (selection alone), and the supervised one (the whole method)."""
    pairs = compare_with_random(make_study(Sweep(methods=METHODS[:4])))
    here = pairs[pairs["setting"] == "fashion_mini, b=100"]
    assert set(zip(here["method"], here["baseline"], here["shows"], strict=True)) == {
        ("dalbt (joint)", "random (joint)", "selection"),
        ("dalbt (joint)", "random (supervised)", "selection + objective"),
        ("random (joint)", "random (supervised)", "objective"),
        ("entropy (supervised)", "random (supervised)", "selection"),
    }


def test_an_option_meets_random_with_the_same_option():
    """And random with it meets the random without: what the option adds by itself."""
    longer = [(*method, {"training.min_steps": 200}) for method in METHODS[:2]]
    pairs = compare_with_random(make_study(Sweep([("mnist", "", 100)], [*METHODS[:2], *longer])))
    assert set(zip(pairs["method"], pairs["baseline"], pairs["shows"], strict=True)) == {
        ("dalbt (joint, min_steps=0)", "random (joint, min_steps=0)", "selection"),
        ("dalbt (joint, min_steps=200)", "random (joint, min_steps=200)", "selection"),
        ("random (joint, min_steps=200)", "random (joint, min_steps=0)", "min_steps"),
    }


def test_power_sentence_names_n_p_and_difference():
    """Five seeds, a paired spread of 0.6 points: 0.0625, and about 1.0 points."""
    table = pd.DataFrame({"n_seeds": [5, 5], "sd": [0.006, 0.006]})
    sentence = power_sentence(table)
    assert "n seeds = 5; the smallest two-sided p an exact paired test can give is 0.0625" in sentence
    assert "differences below 1 points had less than 80 % power" in sentence


def test_power_sentence_of_one_seed():
    """No spread, no test."""
    assert "no test is possible" in power_sentence(pd.DataFrame({"n_seeds": [1], "sd": [np.nan]}))


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
    assert means["dalbt (joint)"].item() == pytest.approx(finals["test_accuracy"].mean())


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
    assert first[["method", "seed", "round", "metric"]].tolist() == ["random (joint)", 1, 3, "test_nll"]
    assert comparison.only_a == ["mnist, b=100 dalbt (joint) seed 0"]
    assert comparison.verdict.startswith(
        "2 of 25 shared rounds differ. No method's mean changed significantly"
    )


def test_comparing_finds_a_real_change():
    """Two points more in every seed of one method: found, with its interval around 0.02, and nothing else."""
    a = two_methods(seeds=6)
    noise = np.random.default_rng(0).normal(0.02, 0.002, len(a.rounds))
    better = a.rounds["test_accuracy"] + np.where(a.rounds["strategy"] == "dalbt", noise, 0)
    b = replace(a, rounds=a.rounds.assign(test_accuracy=better))
    methods = compare_tables(a, b).methods.set_index(["method", "value"])
    row = methods.loc[("dalbt (joint)", "aubc")]
    assert row["low"] < 0.02 < row["high"]
    assert set(methods[methods["p_holm"] < 0.05].index) == {
        ("dalbt (joint)", "aubc"),
        ("dalbt (joint)", "final"),
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
        "dalbt (joint, policy=band)", "dalbt (joint, policy=tail)", "random (joint)"
    }  # fmt: skip
