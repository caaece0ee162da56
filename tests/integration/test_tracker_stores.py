"""What MLflow, TensorBoard and Weights & Biases hold of a sweep, read back from their own files."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dalbt_ray.launch.track_finished import track_finished
from dalbt_ray.launch.trackers import open_tracker
from dalbt_ray.launch.trackers.tracker import TrackedRound, TrackedTrial
from dalbt_ray.launch.trackers.wandb import MOST_OPEN
from dalbt_ray.results import ResultsStore, load_results
from tests.integration.waiting import wait_for
from tests.tracked_trials import LABELS, empty_store, run, tracking_of


@pytest.fixture
def store(tmp_path: Path) -> ResultsStore:
    """An empty results folder."""
    return empty_store(tmp_path / "results")


@pytest.mark.filterwarnings("ignore")  # of the trackers' own dependencies
def test_mlflow_holds_the_rounds_and_resumes_in_the_same_run(store: ResultsStore) -> None:
    """Read back through MLflow's own client from its SQLite store; `dalbt track` afterwards adds only the report."""
    from mlflow.tracking import MlflowClient

    folder = f"{store.location}/tracking"
    for _ in range(2):  # the second time as a resumed sweep would
        tracking = tracking_of(store, open_tracker("mlflow", folder, "results"))
        trial_id = run(store, tracking)
        assert tracking.close(limit_s=60)
    assert track_finished(store.location, "mlflow") == 1
    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("results")
    runs = {found.data.tags["trial_id"]: found for found in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {trial_id, "report"}
    found = runs[trial_id]
    history = client.get_metric_history(found.info.run_id, "test_accuracy")
    expected = load_results(store.location).rounds["test_accuracy"]
    assert sorted((metric.step, metric.value) for metric in history) == list(
        zip(LABELS, expected, strict=True)
    )
    assert found.data.params["strategy.name"] == "random"
    assert found.data.params["training.epochs"] == "4"
    assert found.info.status == "FINISHED"
    started = load_results(store.location).timings["started_utc"].iloc[0]
    assert found.info.start_time == 1000 * datetime.fromisoformat(started).timestamp()
    assert [each.path for each in client.list_artifacts(runs["report"].info.run_id)] == ["index.html"]


def scalars(file: Path, tag: str) -> list[tuple[int, float]]:
    """Steps and values of one tag in an event file, record by record."""
    from tensorboardX.proto.event_pb2 import Event as TensorBoardEvent

    data, found = file.read_bytes(), []
    while data:  # length (8 bytes), its checksum (4), the event, its checksum (4)
        length = int.from_bytes(data[:8], "little")
        event = TensorBoardEvent.FromString(data[12 : 12 + length])
        found += [(event.step, value.simple_value) for value in event.summary.value if value.tag == tag]
        data = data[16 + length :]
    return found


def test_tensorboard_event_files_hold_the_rounds(store: ResultsStore) -> None:
    """In a folder that is called as the trial is; `dalbt track` afterwards leaves the same, once."""
    tracking = tracking_of(store, open_tracker("tensorboard", f"{store.location}/tracking", "study"))
    trial_id = run(store, tracking)
    assert tracking.close()
    expected = load_results(store.location).rounds["test_accuracy"].tolist()
    for _ in range(2):
        (file,) = Path(store.location, "tracking").rglob("events.out.*")
        assert file.parent.name == f"squares_b=6_random_seed_0_{trial_id[:6]}"
        assert scalars(file, "test_accuracy") == [
            (labels, pytest.approx(value)) for labels, value in zip(LABELS, expected, strict=True)
        ]
        assert track_finished(store.location, "tensorboard") == 1


@pytest.mark.filterwarnings("ignore")  # of the trackers' own dependencies
def test_wandb_keeps_the_rounds_offline(
    store: ResultsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline mode writes a run file under the trial's id."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    tracking = tracking_of(store, open_tracker("wandb", str(tmp_path / "wb"), "study"))
    trial_id = run(store, tracking)
    assert tracking.close(limit_s=60)
    (file,) = (tmp_path / "wb").rglob(f"*{trial_id}.wandb")
    # Its service, a process of its own, writes the file out after `finish` has returned.
    wait_for(lambda: b"test_accuracy" in file.read_bytes(), seconds=30)


def test_wandb_has_few_runs_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of ten trials that run at once, their rounds in turn: each ends whole and in order, and few are ever open."""
    wandb = pytest.importorskip("wandb")
    open_now, most, logged = set(), [0], {}

    class Opened:
        def __init__(self, key: str) -> None:
            self.key, self.summary = key, {}

        def log(self, measures: dict[str, float], step: int) -> None:
            logged.setdefault(self.key, []).append(step)

        def finish(self, exit_code: int) -> None:
            open_now.remove(self.key)

    def init(**arguments: Any) -> Opened:
        open_now.add(arguments["id"])
        most.append(len(open_now))
        return Opened(arguments["id"])

    monkeypatch.setattr(wandb, "init", init)
    tracker = open_tracker("wandb", str(tmp_path), "study")
    for i in range(10):
        tracker.begin(TrackedTrial(str(i), f"run {i}", {}, 0.0), whole=True)
    for labels in LABELS:
        for i in range(10):
            tracker.log(str(i), TrackedRound(labels, {"test_accuracy": 0.5}, 1.0))
    for i in reversed(range(10)):
        tracker.end(str(i), "finished", 2.0)
    assert max(most) == MOST_OPEN
    assert not open_now
    assert logged == {str(i): LABELS for i in range(10)}
