"""Trackers get every committed round once, and can neither delay nor break a sweep."""

from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from dalbt_ray.config import Training, Trial
from dalbt_ray.errors import InputError
from dalbt_ray.launch.track_finished import track_finished
from dalbt_ray.launch.trackers import open_tracker
from dalbt_ray.launch.trackers.tracker import TrackedRound, TrackedTrial, Tracker
from dalbt_ray.launch.trackers.wandb import MOST_OPEN
from dalbt_ray.launch.tracking import Tracking
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped
from tests.integration.waiting import wait_for
from tests.small_trials import small_image_set, small_trial


class Recorder:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.trials: dict[str, TrackedTrial] = {}
        self.rows: list[tuple[str, int]] = []
        self.ends: dict[str, tuple[str, float]] = {}
        self.reports: list[Path] = []

    def begin(self, trial: TrackedTrial, *, whole: bool) -> None:
        """Keep the trial."""
        assert trial.trial_id not in self.trials
        self.trials[trial.trial_id] = trial

    def log(self, trial_id: str, row: TrackedRound) -> None:
        """Keep the round's step."""
        self.rows.append((trial_id, row.labels))

    def end(self, trial_id: str, status: str, ended: float) -> None:
        """Keep how it ended."""
        self.ends[trial_id] = (status, ended)

    def attach(self, report: Path) -> None:
        """Keep the page."""
        self.reports.append(report)

    def close(self) -> None:
        """Nothing to write out."""


LABELS = [12, 18, 24]
"""Of the three rounds of a small trial."""


def tracking_of(store: ResultsStore, tracker: Tracker, *trials: Trial) -> Tracking:
    """What a sweep of some trials opens; of one small trial if none is named."""
    data_hash = small_image_set().data_hash
    configs = {each.trial_id(data_hash): each.as_json() for each in trials or (small_trial(),)}
    return Tracking(store, lambda: tracker, configs)


def run(store: ResultsStore, tracking: Tracking, trial: Trial | None = None) -> str:
    """A trial of three rounds, each announced as the backends do it."""
    image_set, trial = small_image_set(), trial or small_trial()
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
