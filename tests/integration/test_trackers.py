"""Trackers get every committed round once, and can neither delay nor break a sweep."""

from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.launch.trackers import open_tracker
from dalbt_ray.launch.tracking import Tracking
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.trial.rounds import run_trial
from tests.integration.waiting import wait_for
from tests.small_trials import small_image_set, small_trial


class Recorder:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int]] = []

    def log(self, trial_id: str, row: dict[str, Any]) -> None:
        """Keep the row."""
        self.rows.append((trial_id, row["round"]))

    def close(self) -> None:
        """Nothing to write out."""


def run(store: ResultsStore, tracking: Tracking, seed: int = 0) -> str:
    """A trial of three rounds, each announced as the backends do it."""
    image_set, trial = small_image_set(), replace(small_trial(), seed=seed)
    trial_id = trial.trial_id(image_set.data_hash)
    run_trial(trial, image_set, store, on_round=lambda record: tracking(trial_id, record.row.round))
    tracking(trial_id, None)
    return trial_id


@pytest.fixture
def store(tmp_path: Path) -> ResultsStore:
    """An empty results folder."""
    made = ResultsStore(tmp_path / "results")
    made.create_or_open({"sweep": "test"})
    return made


def test_every_committed_round_is_copied_once(store: ResultsStore) -> None:
    """Whenever the thread comes to read: nothing twice, nothing lost."""
    recorder = Recorder()
    tracking = Tracking(store, recorder)
    ids = [run(store, tracking, seed) for seed in (0, 1)]
    assert tracking.close()
    assert recorder.rows == [(trial_id, index) for trial_id in ids for index in range(3)]


def test_a_tracker_that_hangs_is_left_behind(store: ResultsStore) -> None:
    """The sweep finishes and its results are whole."""
    release = Event()

    class Hanging(Recorder):
        def log(self, trial_id: str, row: dict[str, Any]) -> None:
            release.wait()

    tracking = Tracking(store, Hanging())
    run(store, tracking)
    assert not tracking.close(limit_s=0.05)
    release.set()
    assert len(load_results(store.location).rounds) == 3


def test_a_tracker_that_fails_is_named_and_left_out(
    store: ResultsStore, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning; the sweep does not notice."""

    class Failing(Recorder):
        def log(self, trial_id: str, row: dict[str, Any]) -> None:
            raise OSError("no route to host")

    tracking = Tracking(store, Failing())
    run(store, tracking)
    assert tracking.close()
    assert [record.getMessage() for record in caplog.records if "tracker" in record.getMessage()] == [
        "the tracker failed and gets no more rounds: OSError: no route to host"
    ]


@pytest.mark.filterwarnings("ignore")  # of the trackers' own dependencies
def test_mlflow_holds_the_rounds_and_resumes_in_the_same_run(store: ResultsStore, tmp_path: Path) -> None:
    """Read back through MLflow's own client from its SQLite store."""
    from mlflow.tracking import MlflowClient

    folder = str(tmp_path / "tracking")
    for _ in range(2):  # the second time as a resumed sweep would
        tracking = Tracking(store, open_tracker("mlflow", folder, "study"))
        trial_id = run(store, tracking)
        assert tracking.close(limit_s=60)
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'tracking' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("study")
    runs = client.search_runs([experiment.experiment_id])
    assert [found.data.tags["trial_id"] for found in runs] == [trial_id]
    history = client.get_metric_history(runs[0].info.run_id, "test_accuracy")
    expected = load_results(store.location).rounds["test_accuracy"]
    assert {(metric.step, metric.value) for metric in history} == set(enumerate(expected))
    assert runs[0].data.params["strategy"] == "random"


def test_tensorboard_event_files_hold_the_rounds(store: ResultsStore, tmp_path: Path) -> None:
    """Read back record by record from the event file."""
    from tensorboardX.proto.event_pb2 import Event as TensorBoardEvent

    tracking = Tracking(store, open_tracker("tensorboard", str(tmp_path / "tb"), "study"))
    trial_id = run(store, tracking)
    assert tracking.close()
    (file,) = (tmp_path / "tb" / trial_id).iterdir()
    data, steps = file.read_bytes(), []
    while data:  # length (8 bytes), its checksum (4), the event, its checksum (4)
        length = int.from_bytes(data[:8], "little")
        event = TensorBoardEvent.FromString(data[12 : 12 + length])
        steps += [
            (event.step, value.simple_value) for value in event.summary.value if value.tag == "test_accuracy"
        ]
        data = data[16 + length :]
    expected = load_results(store.location).rounds["test_accuracy"].tolist()
    assert steps == [(index, pytest.approx(value)) for index, value in enumerate(expected)]


@pytest.mark.filterwarnings("ignore")  # of the trackers' own dependencies
def test_wandb_keeps_the_rounds_offline(
    store: ResultsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline mode writes a run file under the trial's id."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    tracking = Tracking(store, open_tracker("wandb", str(tmp_path / "wb"), "study"))
    trial_id = run(store, tracking)
    assert tracking.close(limit_s=60)
    (file,) = (tmp_path / "wb").rglob(f"*{trial_id}.wandb")
    # Its service, a process of its own, writes the file out after `finish` has returned.
    wait_for(lambda: b"test_accuracy" in file.read_bytes(), seconds=30)


def test_an_unknown_tracker_is_refused(tmp_path: Path) -> None:
    """With the nearest name."""
    with pytest.raises(InputError, match="did you mean 'mlflow'"):
        open_tracker("mlflw", str(tmp_path), "study")
