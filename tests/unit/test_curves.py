"""Learning curves over seeds that went differently far."""

import numpy as np
import pytest

from dalbt_ray.report.curves import learning_curves
from tests.analysis_frames import Sweep, make_study

ONE = Sweep(settings=[("mnist", "", 100)], methods=[("random", "supervised", 0.0)], seeds=1)


def test_one_seed_has_no_interval():
    """Nothing is known about spread."""
    curves = learning_curves(make_study(ONE).rounds)
    assert curves[["low", "high", "sd"]].isna().all(axis=None)


def test_curves_of_seeds_that_reached_different_rounds():
    """A running sweep: every point uses the seeds that have it, and no other."""
    rounds = make_study(Sweep(ONE.settings, ONE.methods, seeds=3)).rounds
    rounds = rounds[(rounds["seed"] == 0) | (rounds["round"] <= 2)]
    curves = learning_curves(rounds).set_index("round")
    assert curves["n_seeds"].tolist() == [3, 3, 3, 1, 1, 1]
    assert curves["low"].notna().tolist() == [True] * 3 + [False] * 3
    last = rounds[(rounds["seed"] == 0) & (rounds["round"] == 5)]["test_accuracy"].item()
    assert curves.loc[5, "mean"] == pytest.approx(last)


def test_a_stalled_trial_counts_on_in_the_curve_with_its_last_value():
    """As in the area: without it the mean would jump to that of the seeds that did not stall."""
    rounds = make_study(Sweep(ONE.settings, ONE.methods, seeds=3)).rounds
    stalled = (rounds["seed"] == 0) & (rounds["round"] == 2)
    rounds.loc[stalled, ["status", "finished"]] = ["stalled", True]
    cut = rounds[(rounds["seed"] != 0) | (rounds["round"] <= 2)]
    curves = learning_curves(cut).set_index("round")
    assert curves["n_seeds"].tolist() == [3] * 6
    others = rounds[(rounds["seed"] != 0) & (rounds["round"] == 5)]
    values = [rounds[stalled]["test_accuracy"].item(), *others["test_accuracy"]]
    assert curves.loc[5, "mean"] == pytest.approx(np.mean(values))
    assert curves["n_bought"].tolist() == rounds[rounds["seed"] == 1]["n_bought"].tolist()
