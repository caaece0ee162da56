"""Trials that begin without a label: their first round has no accuracy, and areas and savings begin after it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dalbt_ray.report import checks
from dalbt_ray.report.checks import areas_agree
from dalbt_ray.report.savings import labels_to_target, saving_against_random
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import aubc, trial_summary
from tests.analysis_frames import TWO, Sweep, make_frames, study_of


def study() -> Study:
    """Two methods, three seeds, four queries of 10 from no label on."""
    frames = make_frames(Sweep([("mnist", "", 10)], TWO, seeds=3, last_round=4, initial=0))
    measures = ["test_accuracy", "test_nll", "validation_accuracy"]
    return study_of(replace(frames, rounds=frames.rounds.assign(**_without_first(frames.rounds, measures))))


def _without_first(rounds: pd.DataFrame, measures: list[str]) -> dict[str, "pd.Series[float]"]:
    return {name: rounds[name].where(rounds["n_labeled"] > 0) for name in measures}


@pytest.mark.parametrize("axis", ["n_bought", "n_labeled"])
def test_an_area_begins_with_the_first_accuracy(axis: str) -> None:
    """It is that of the rounds that have one, and a level curve has its own height."""
    rounds = study().rounds
    trials = trial_summary(rounds, axis=axis).set_index("trial_id")  # type: ignore[arg-type]
    for trial_id, curve in rounds[rounds["n_labeled"] > 0].groupby("trial_id"):
        area = aubc(curve[axis].to_numpy(float), curve["test_accuracy"].to_numpy())
        assert trials.loc[trial_id, "aubc"] == pytest.approx(area)
    level = rounds.assign(test_accuracy=rounds["test_accuracy"].where(rounds["n_labeled"] == 0, 0.5))
    assert trial_summary(level, axis=axis)["aubc"].tolist() == pytest.approx([0.5] * 6)  # type: ignore[arg-type]


def test_the_check_of_areas_looks_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """It passes what is right, and names trials whose area counts labels that no accuracy belongs to."""
    rounds = study().rounds
    assert areas_agree(rounds).state == "passed"
    wrong = trial_summary(rounds).assign(aubc=lambda trials: trials["aubc"] * 0.75)
    monkeypatch.setattr(checks, "trial_summary", lambda _: wrong)
    assert areas_agree(rounds).state == "failed"


def test_a_goal_that_the_first_labels_reach_counts() -> None:
    """The labels to it are those of that round: nothing is known before."""
    made = study()
    first = made.rounds["round"] == 1
    made = made.part(made.rounds.assign(test_accuracy=made.rounds["test_accuracy"].mask(first, 0.99)))
    assert labels_to_target(made.rounds, 0.9)["labels"].tolist() == [10.0] * 6
    row = saving_against_random(made).iloc[0]
    assert (row["n_both"], row["labels"], row["baseline_labels"]) == (3, 10.0, 10.0)
    assert np.isfinite(row[["saving", "low", "high"]].to_numpy(float)).all()
