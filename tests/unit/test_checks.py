"""Every sanity check passes on a sound sweep and fails on exactly the fault that it is there for."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dalbt_ray.report.check import Check
from dalbt_ray.report.checks import run_checks
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.study import Study, prepare
from tests.analysis_frames import METHODS, Sweep, make_frames

SWEEP = Sweep(methods=METHODS[:4], last_round=3)


def sound() -> Study:
    """A finished sweep without a fault."""
    frames = make_frames(SWEEP)
    manifest = {
        "code": {"commit": "c0ffee", "dirty": False},
        "algorithm_version": 1,
        "data_hash": "d",
        "config": {"dataset": "mnist", "ood": ""},
        "data": {"test_in_train": 0, "ood_in_train": 0},
    }
    manifests = dict.fromkeys(frames.rounds["trial_id"].unique(), manifest)
    return prepare(frames, "sound", manifests=manifests)


def checked(sweep: Study) -> list[Check]:
    """All checks."""
    return run_checks(sweep, acquired_by_trial(sweep.selections, sweep.rounds))


def failed(sweep: Study) -> list[Check]:
    """Those that fail."""
    return [check for check in checked(sweep) if check.state == "failed"]


def test_a_sound_sweep_passes_every_check():
    """Single and mixed pool, two objectives, three seeds."""
    assert {check.state for check in checked(sound())} == {"passed"}


def change(**values: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Set columns in the second round of the first trial."""

    def apply(rounds: pd.DataFrame) -> pd.DataFrame:
        rounds.loc[1, list(values)] = list(values.values())
        return rounds

    return apply


def change_start(**values: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Set columns in round 0 of the first trial."""

    def apply(rounds: pd.DataFrame) -> pd.DataFrame:
        rounds.loc[0, list(values)] = list(values.values())
        return rounds

    return apply


@pytest.mark.parametrize(
    ("fault", "titles"),
    [
        (change_start(test_nll=1.0), ["Round 0 is the same for strategies that train the same network"]),
        (
            change_start(labeled_sha256="other", network_id="own"),
            ["Every strategy of a seed starts from the same labeled images"],
        ),
        (change(n_labeled=1), ["The labeled set grows as planned"]),
        (change(n_bought=150), ["The labeled set grows as planned"]),
        (change(n_unlabeled=1_000), ["The labeled set grows as planned"]),
        (change(test_nll=-1.0), ["Measures are possible values"]),
        (change(train_accuracy=1.5), ["Measures are possible values"]),
        (change(test_accuracy=np.nan), ["Measures are possible values"]),
        (
            lambda rounds: rounds.assign(round=rounds["round"] + (rounds.index == 3)),
            ["The labeled set grows as planned"],
        ),
        (
            lambda rounds: rounds[rounds["trial_id"] != rounds["trial_id"][0]],
            ["Every cell has all its seeds"],
        ),
    ],
)
def test_faults_in_rounds(fault: Callable[[pd.DataFrame], pd.DataFrame], titles: list[str]):
    """Each fault is named by its own check and the trial or cell is told."""
    sweep = sound()
    found = failed(replace(sweep, rounds=fault(sweep.rounds.copy())))
    assert [check.title for check in found][: len(titles)] == titles


@pytest.mark.parametrize("status", ["stalled", "diverged"])
def test_bad_ends_are_named(status: str):
    """A trial that stalled or diverged is listed with its status."""
    sweep = sound()
    rounds = sweep.rounds.copy()
    rounds.loc[3, "status"] = status
    assert f"seed 0 ({status})" in failed(replace(sweep, rounds=rounds))[0].sentence


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"test_in_train": 3, "ood_in_train": 0}, "3 test images of mnist"),
        ({"test_in_train": 0, "ood_in_train": 2}, "2 images of kmnist that are in mnist"),
    ],
)
def test_images_on_both_sides_are_found(data: dict[str, int], told: str):
    """A test image that is trained on, and an OOD image that is an in-distribution one."""
    sweep = sound()
    config = {"dataset": "mnist", "ood": "kmnist"}
    manifests = {name: each | {"config": config, "data": data} for name, each in sweep.manifests.items()}
    (found,) = failed(replace(sweep, manifests=manifests))
    assert found.title == "Test images, and OOD ones, are none of the training images"
    assert told in found.sentence


@pytest.mark.parametrize(
    ("manifests", "why"), [(False, "No trial has finished."), (True, "The manifests do not say.")]
)
def test_what_was_not_looked_at_is_not_passed(manifests: bool, why: str):
    """Whether images stand on both sides is in no manifest of older versions."""
    sweep = sound()
    told = {name: {"config": {}} for name in sweep.manifests} if manifests else {}
    found = next(
        check for check in checked(replace(sweep, manifests=told)) if check.title.startswith("Test images")
    )
    assert (found.state, found.sentence) == ("not applicable", why)


def test_failures_are_named():
    """So is a trial that raised."""
    sweep = replace(sound(), failures={"feed": {"type": "RuntimeError", "message": "no memory"}})
    assert failed(sweep)[0].sentence == "These did not: feed (failed: RuntimeError)."


def test_an_image_bought_twice_is_found():
    """The same in-distribution image in two rounds of one trial; the trial is named."""
    sweep = sound()
    picks = sweep.selections.copy()
    own = picks.index[(picks["trial_id"] == picks["trial_id"][0]) & ~picks["is_ood"]]
    picks.loc[own[-1], "sample_id"] = picks.loc[own[0], "sample_id"]
    found = failed(replace(sweep, selections=picks))
    assert [check.title for check in found] == ["No image is acquired twice"]
    assert picks["trial_id"][0] in found[0].sentence


def test_a_foreign_image_may_be_bought_again_but_not_at_once():
    """Returned images can come back in a later round; twice in one query is a fault."""
    sweep = sound()
    ood = sweep.selections[sweep.selections["is_ood"]]
    trial = ood[ood["trial_id"] == ood["trial_id"].iloc[0]]
    first, later = trial.index[0], trial[trial["round"] > trial["round"].iloc[0]].index[0]
    twin = trial[trial["round"] == trial["round"].iloc[0]].index[1]
    again, twice = sweep.selections.copy(), sweep.selections.copy()
    again.loc[later, "sample_id"] = again.loc[first, "sample_id"]
    twice.loc[twin, "sample_id"] = twice.loc[first, "sample_id"]
    assert not failed(replace(sweep, selections=again))
    assert [check.title for check in failed(replace(sweep, selections=twice))] == [
        "No image is acquired twice"
    ]


def test_a_lost_purchase_is_found():
    """One row of `selections` is missing."""
    sweep = sound()
    found = failed(replace(sweep, selections=sweep.selections.drop(index=5)))
    assert [check.title for check in found] == ["Queries are counted the same in both tables"]


def test_a_running_trials_next_purchase_is_no_fault():
    """It has acquired for a round that is not trained yet."""
    sweep = sound()
    first = sweep.rounds["trial_id"][0]
    rounds = sweep.rounds[(sweep.rounds["trial_id"] != first) | (sweep.rounds["round"] < 3)]
    rounds["finished"] = rounds["trial_id"] != first
    trials = sweep.trials.copy()
    trials.loc[first, "status"] = "running"
    assert not failed(replace(sweep, rounds=rounds.reset_index(drop=True), trials=trials))


def test_random_that_is_not_uniform_is_found():
    """Random trials that acquire a third of the OOD images they should, as the other strategies here do."""
    sweep = sound()
    rounds = sweep.rounds.copy()
    rounds["strategy"] = rounds["strategy"].replace({"random": "margin", "dalbt": "random"})
    found = failed(replace(sweep, rounds=rounds))
    assert [check.title for check in found] == ["Random acquires OOD images at the base rate"]


def test_two_trials_in_one_cell_are_found():
    """They differ in something that no column shows."""
    sweep = sound()
    copy = sweep.rounds[sweep.rounds["trial_id"] == sweep.rounds["trial_id"][0]].assign(trial_id="copy")
    picks = sweep.selections[sweep.selections["trial_id"] == sweep.rounds["trial_id"][0]].assign(
        trial_id="copy"
    )
    both = pd.concat([sweep.rounds, copy], ignore_index=True)
    found = failed(replace(sweep, rounds=both, selections=pd.concat([sweep.selections, picks])))
    assert [check.title for check in found] == ["One trial per method and seed"]


def test_changed_code_is_found():
    """One trial ran with another commit."""
    sweep = sound()
    manifests = dict(sweep.manifests)
    first = next(iter(manifests))
    manifests[first] = {**manifests[first], "code": {"commit": "beef", "dirty": False}}
    found = failed(replace(sweep, manifests=manifests))
    assert [check.title for check in found] == ["All trials come from the same code and versions"]
    assert "2 git commits" in found[0].sentence
