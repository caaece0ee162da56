"""Who meets which random, joined on what, and what the number of seeds allows."""

import numpy as np
import pandas as pd
import pytest

from dalbt_ray.report.rankings import penalty_matrix
from dalbt_ray.report.savings import saving_against_random
from dalbt_ray.report.statistics import compare_with_random, power_sentence
from tests.analysis_frames import METHODS, Sweep, make_frames, make_study, study_of, two_methods


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
    expected = (finals["dalbt"] - finals["random"])[1:]
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
        ("dalbt (min_steps=0)", "random (min_steps=0)", "selection"),
        ("dalbt (min_steps=200)", "random (min_steps=200)", "selection"),
        ("random (min_steps=200)", "random (min_steps=0)", "min_steps"),
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
