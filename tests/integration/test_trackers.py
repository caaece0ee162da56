"""Trackers get every committed round once, and can neither delay nor break a sweep."""

from datetime import datetime
from pathlib import Path
from threading import Event

import pytest

from dalbt_ray.config import Training
from dalbt_ray.errors import InputError
from dalbt_ray.launch.trackers import open_tracker
from dalbt_ray.launch.trackers.tracker import TrackedRound, Tracker
from dalbt_ray.launch.tracking import Tracking
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped
from tests.integration.waiting import wait_for
from tests.small_trials import small_image_set, small_trial
from tests.tracked_trials import LABELS, Recorder, empty_store, run, tracking_of


@pytest.fixture
def store(tmp_path: Path) -> ResultsStore:
    """An empty results folder."""
    return empty_store(tmp_path / "results")


def test_every_committed_round_is_copied_once(store: ResultsStore, tmp_path: Path) -> None:
    """Whenever the thread comes to read: nothing twice, nothing lost; the step is the labels; then the report."""
    recorder, page = Recorder(), tmp_path / "index.html"
    trials = [small_trial(seed=seed) for seed in (0, 1)]
    tracking = tracking_of(store, recorder, *trials)
    ids = [run(store, tracking, trial) for trial in trials]
    assert tracking.close(page)
    assert recorder.rows == [(trial_id, labels) for trial_id in ids for labels in LABELS]
    assert recorder.reports == [page]


def test_a_run_has_every_parameter_a_name_of_its_own_and_its_true_start_and_end(store: ResultsStore) -> None:
    """Two trials that differ in a training option only are told apart by it; times are those of the table."""
    recorder = Recorder()
    trials = [small_trial(), small_trial(training=Training(epochs=2, batch_size=8))]
    tracking = tracking_of(store, recorder, *trials)
    ids = [run(store, tracking, trial) for trial in trials]
    assert tracking.close()
    names = [recorder.trials[trial_id].name for trial_id in ids]
    assert ["epochs=4" in names[0], "epochs=2" in names[1]] == [True, True]
    assert recorder.trials[ids[1]].parameters["training.epochs"] == "2"
    assert recorder.trials[ids[1]].parameters["splits.initial_size"] == "12"
    timings = load_results(store.location).timings.set_index("trial_id")
    for trial_id in ids:
        clocks = timings.loc[trial_id]
        starts = [datetime.fromisoformat(each).timestamp() for each in clocks["started_utc"]]
        assert recorder.trials[trial_id].started == starts[0]
        end = starts[-1] + clocks["total_seconds"].iloc[-1]
        assert recorder.ends[trial_id] == ("finished", pytest.approx(end))


def test_a_trial_that_is_left_unfinished_has_failed_or_was_interrupted(store: ResultsStore) -> None:
    """Where it left an error it failed."""
    recorder = Recorder()
    trials = [small_trial(seed=seed) for seed in (0, 1)]
    tracking = tracking_of(store, recorder, *trials)
    ids = []
    for trial in trials:
        trial_id, seen = trial.trial_id(small_image_set().data_hash), []
        with pytest.raises(Stopped):
            run_trial(
                trial, small_image_set(), store, on_round=seen.append, stop=lambda seen=seen: len(seen) == 2
            )
        tracking(trial_id, 0)
        ids.append(trial_id)
    store.record_error(ids[1], RuntimeError("no memory left"))
    assert tracking.close()
    assert [recorder.ends[trial_id][0] for trial_id in ids] == ["interrupted", "failed"]


def test_a_tracker_that_hangs_is_left_behind(store: ResultsStore) -> None:
    """The sweep finishes and its results are whole."""
    release = Event()

    class Hanging(Recorder):
        def log(self, trial_id: str, row: TrackedRound) -> None:
            release.wait()

    tracking = tracking_of(store, Hanging())
    run(store, tracking)
    assert not tracking.close(limit_s=0.05)
    release.set()
    assert len(load_results(store.location).rounds) == 3


def test_a_tracker_that_hangs_is_said_long_before_the_end(
    store: ResultsStore, caplog: pytest.LogCaptureFixture
) -> None:
    """While the sweep runs on: one line, and no second one."""
    release = Event()

    def connect() -> Tracker:
        release.wait()
        return Recorder()

    tracking = Tracking(store, connect, {}, slow_s=0.4)
    wait_for(lambda: "has not answered" in caplog.text, seconds=60)
    release.set()
    assert tracking.close()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("the tracker has not answered for 0 s")


def test_a_tracker_that_fails_is_named_and_left_out(
    store: ResultsStore, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning; the sweep does not notice."""

    class Failing(Recorder):
        def log(self, trial_id: str, row: TrackedRound) -> None:
            raise OSError("no route to host")

    tracking = tracking_of(store, Failing())
    run(store, tracking)
    assert tracking.close()
    assert [record.getMessage() for record in caplog.records if "tracker" in record.getMessage()] == [
        "the tracker failed and gets no more rounds: OSError: no route to host"
    ]


def test_an_unknown_tracker_is_refused(tmp_path: Path) -> None:
    """With the nearest name."""
    with pytest.raises(InputError, match="did you mean 'mlflow'"):
        open_tracker("mlflw", str(tmp_path), "study")


@pytest.mark.parametrize("ending", ["hangs", "exits"])
def test_a_tracker_whose_server_does_not_answer_costs_nothing(store: ResultsStore, ending: str) -> None:
    """It is connected to in its own thread: the sweep neither waits for it nor ends with it."""
    answered = Event()

    def connect() -> Tracker:
        if ending == "exits":
            raise SystemExit(1)
        answered.wait()
        raise ConnectionError

    tracking = Tracking(store, connect, {})
    assert run(store, tracking) in store.committed()
    assert tracking.close(limit_s=60 if ending == "exits" else 0.1) == (ending == "exits")
    answered.set()
