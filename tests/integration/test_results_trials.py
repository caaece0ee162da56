"""The trials of a folder as a frame: what each of them is, finished or running."""

from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.results import ResultsStore, compact, load_results, verify
from tests.results_records import config, identity, record, run_trial


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two finished trials, one in a bundle; a running one, one that has only begun, and an old journal."""
    store = ResultsStore(tmp_path)
    store.create_or_open({"sweep": "trials"})
    run_trial(store, 0)
    compact(tmp_path)
    run_trial(store, 1, rounds=2)
    store.journal(identity(2)).begin(
        config(2, 4) | {"strategy": {"name": "dalbt", "policy": "inlier_band", "samples": 5}, "weight": 1}
    )
    store.journal(identity(2)).commit(0, record(0))
    store.journal(identity(3)).begin(config(3, 4) | {"weight": 0.5, "fast": True})
    store.journal(identity(4)).commit(0, record(0))
    return tmp_path


def test_a_column_for_every_entry_of_the_configurations(root: Path) -> None:
    """Nested entries by path, lists as text, missing where a trial has none; a missing entry changes no type."""
    trials = load_results(root, include_running=True).trials
    assert trials.index.name == "trial_id"
    assert trials.index.tolist() == sorted(identity(number) for number in range(5))
    by_number = trials.loc[[identity(number) for number in range(5)]]
    assert by_number["status"].tolist() == ["ok", "ok", "running", "running", "running"]
    assert by_number["rounds_done"].tolist() == [3, 2, 1, 0, 1]
    assert by_number["strategy.name"].tolist()[:4] == ["random", "random", "dalbt", "random"]
    assert by_number["strategy.policy"].notna().tolist() == [False, False, True, False, False]
    assert by_number["views.blur"].iloc[0] == "[1.0, 0.1]"
    assert by_number["splits.pool_size"].isna().all()
    assert by_number["seed"].dropna().tolist() == [0, 1, 2, 3]
    kinds = {
        "seed": "Int64",
        "strategy.samples": "Int64",
        "weight": "Float64",
        "fast": "boolean",
        "rounds_done": "int64",
    }
    assert {name: str(by_number[name].dtype) for name in kinds} == kinds


def test_finished_trials_alone(root: Path) -> None:
    """As in the other frames."""
    found = load_results(root)
    assert set(found.trials.index) == {identity(0), identity(1)} == set(found.rounds["trial_id"])


def test_a_running_trial_says_what_it_is_asked_for_now(root: Path) -> None:
    """The last beginning counts; damage is found, and costs no round."""
    store, file = ResultsStore(root), root / "progress" / identity(2) / "trial.json"
    store.journal(identity(2)).begin(config(2, 9))
    assert load_results(root, include_running=True).trials.loc[identity(2), "rounds"] == 8
    file.write_bytes(file.read_bytes()[:-5])
    assert pd.isna(load_results(root, include_running=True).trials.loc[identity(2), "rounds"])
    report = verify(root)
    assert [finding.file for finding in report.damaged] == [f"progress/{identity(2)}/trial.json"]
    assert report.redo == frozenset()
    assert store.journal(identity(2)).rounds() == [record(0)]


def test_an_empty_folder_has_an_empty_frame(tmp_path: Path) -> None:
    """With its columns."""
    ResultsStore(tmp_path).create_or_open({})
    assert load_results(tmp_path).trials.columns.tolist() == ["status", "rounds_done"]
