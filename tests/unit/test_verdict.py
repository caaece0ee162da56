"""The verdict says what the tests say and nothing more; ranks, profiles and probabilities of improvement."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dalbt_ray.report.drawings import critical_difference_diagram
from dalbt_ray.report.findings import analyze
from dalbt_ray.report.profiles import gains, performance_profiles, probability_of_improvement
from dalbt_ray.report.rankings import critical_difference
from dalbt_ray.report.statistics import compare_with_random
from dalbt_ray.report.study import Study
from dalbt_ray.report.style import styles
from dalbt_ray.report.verdict import find_verdict
from tests.analysis_frames import METHODS, Sweep, make_study

SETTINGS = [("mnist", "", 100), ("cifar10", "", 100), ("fashion_mnist", "", 100)]


def study(effect: float, seeds: int = 5) -> Study:
    """Three settings; entropy is random plus `effect`, margin is random minus it, and random is the third."""
    methods = [
        ("entropy", "supervised", effect),
        ("margin", "supervised", -effect),
        ("random", "supervised", 0.0),
    ]
    return make_study(Sweep(SETTINGS, methods, seeds=seeds, last_round=4))


@pytest.mark.parametrize("effect", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_the_verdict_is_the_tables(effect: float, seeds: int):
    """Its claims are the significant rows of the table, no more and no fewer, with their numbers and signs."""
    table = compare_with_random(study(effect, seeds))
    verdict = find_verdict(table)
    assert 1 <= len(verdict.sentences) <= 3
    for claims, sign in ((verdict.above, 1), (verdict.below, -1)):
        rows = table[(table["p_holm"] < 0.05) & (np.sign(table["difference"]) == sign)]
        names = ["setting", "method", "baseline", "shows", "difference", "low", "high"]
        assert {tuple(vars(claim).values()) for claim in claims} == set(
            rows[names].itertuples(index=False, name=None)
        )
    significant = len(verdict.above) + len(verdict.below)
    assert verdict.untold + significant == len(table) == 6
    text = " ".join(verdict.sentences)
    assert (f"{verdict.untold} of 6 comparisons cannot be told" in text) == bool(verdict.untold and seeds > 1)


def test_what_the_sentences_say():
    """A clear effect in every setting: which, against what, where, and between which differences."""
    made = study(0.1)
    table = compare_with_random(made).set_index(["method", "setting"])["difference"] * 100
    best, worst = table["entropy"], table["margin"]
    above, below = analyze(made).verdict.sentences
    assert above == (
        "Significantly better than random sampling in AUBC: entropy against random in 3 of 3 "
        f"settings by {best.min():+.2f} to {best.max():+.2f} points."
    )
    assert below == (
        "Significantly worse than it: margin against random in 3 of 3 settings "
        f"by {worst.max():+.2f} to {worst.min():+.2f} points."
    )


def test_without_effect_nothing_is_claimed():
    """And the size of what could not have been seen is that of the table."""
    table = compare_with_random(study(0.0))
    assert not (table["p_holm"] < 0.05).any()
    first, last = find_verdict(table).sentences
    assert first == "No method is significantly better than random sampling in AUBC."
    missed = 100 * table["detectable"].max()
    assert last.startswith(
        f"6 of 6 comparisons cannot be told from chance with 5 seeds: differences of up to {missed:.2g} points"
    )


def test_one_seed_or_no_random_tell_nothing():
    """No test, no claim."""
    assert "Nothing can be told yet" in find_verdict(compare_with_random(study(0.1, seeds=1))).sentences[0]
    alone = make_study(Sweep(SETTINGS[:1], METHODS[3:5], seeds=3, last_round=2))
    assert "there is no random sampling" in find_verdict(compare_with_random(alone)).sentences[0]


def test_a_difference_that_shows_more_than_selection_says_so():
    """Dalbt under the joint loss against supervised random is both at once."""
    methods = [("dalbt", "joint", 0.1), ("random", "supervised", 0.0)]
    (sentence,) = find_verdict(
        compare_with_random(make_study(Sweep(SETTINGS[:1], methods, seeds=5)))
    ).sentences
    assert "dalbt (joint) against random (supervised) [selection + objective] by +" in sentence


def test_probability_of_improvement_by_counting_pairs():
    """Every pair of runs of a setting, one by one; then the mean over settings."""
    made = study(0.005)
    row = probability_of_improvement(made).set_index("method").loc["entropy"]
    runs = gains(made)
    runs = runs[runs["method"] == "entropy"]
    each = [
        np.mean([a > b for a, b in product(one["aubc"], one["baseline_aubc"])])
        for _, one in runs.groupby("setting")
    ]
    assert row["probability"] == pytest.approx(np.mean(each))
    low, high = stats.t.interval(0.95, 2, np.mean(each), stats.sem(each))
    assert (row["low"], row["high"]) == pytest.approx((max(0, low), min(1, high)), nan_ok=True)
    assert row["better_seeds"] == (runs["gain"] > 0).sum()


def test_profiles_by_counting_runs():
    """At every threshold the share of runs above it; it never rises."""
    made = study(0.01)
    profiles, runs = performance_profiles(made), gains(made)
    at = profiles.index[30]
    mine = runs[runs["method"] == "margin"]
    expected = np.mean([(one["gain"] > at).mean() for _, one in mine.groupby("setting")])
    assert profiles.loc[at, "margin"] == pytest.approx(expected)
    assert (profiles.diff().dropna() <= 0).all(axis=None)


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (5, 2.728), (10, 3.164)])
def test_critical_differences_are_the_published_ones(methods: int, q: float):
    """Demsar 2006, table 5(a): q at 0.05, times sqrt(k (k + 1) / 6 N)."""
    assert critical_difference(methods, 14) == pytest.approx(
        q * np.sqrt(methods * (methods + 1) / (6 * 14)), abs=2e-3
    )


def test_names_in_drawings_are_escaped():
    """A strategy's name is text, whatever is in it."""
    made = make_study(Sweep(SETTINGS[:1], [("<script>", "joint", 0.0), METHODS[1]], seeds=2, last_round=1))
    ranks = pd.Series(dict.fromkeys(made.methods, 1.5))
    assert "<script>" not in critical_difference_diagram(ranks, 1.0, styles(made.methods))
