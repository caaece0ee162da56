"""What the driver makes of failures that Tune tells it about."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dalbt_ray.cluster import watch as watching
from dalbt_ray.cluster.ending import WorkerProcess
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Share
from dalbt_ray.cluster.reports import EVENTS, Event
from dalbt_ray.cluster.silence import LEAST_S
from dalbt_ray.cluster.train_loop import SharedWork
from dalbt_ray.cluster.watch import Watch
from dalbt_ray.config import Trial
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.failures import as_told
from tests.small_trials import small_image_set, small_trial


class Clock:
    """A steady clock that stands still."""

    now = 0.0

    def __call__(self) -> float:
        """Its time."""
        return self.now


class Listener:
    """The part of a progress display that is asked for here."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)

    def started(self, _key: str, _label: str, _rounds: int) -> None:
        """Nothing to keep."""

    def failed(self, _key: str, message: str) -> None:
        """Keep it."""
        self.said.append(message)


def work_of(trial: Trial, store_root: str = "nowhere") -> SharedWork:
    """A sweep of one trial."""
    return SharedWork(
        trials=(trial,),
        turns=((0,),),
        own_code=({},) * 9,
        shares=(Share(1.0, 0.0),),
        image_sets={trial.image_key: small_image_set()},
        store_root=store_root,
        code="",
        trial_timeout_s=None,
        max_failures=1,
        scratch="nowhere",
    )


def test_a_process_that_died_before_it_began_is_tried_again() -> None:
    """Tune has no error file then; the sweep goes on and says so in a line."""
    trial: Trial = small_trial()
    listener: Any = Listener()
    watch = Watch(work_of(trial), ClusterOptions(), listener)
    failed: Any = SimpleNamespace(
        config={"turn": 0}, run_metadata=SimpleNamespace(pickled_error_filename=None), error_file=None
    )
    watch.on_trial_recover(trial=failed)
    assert listener.said == [f"again   {trial.label}: WorkerLost: its process ended before it began"]


def test_a_process_that_died_is_told_from_one_that_never_began(tmp_path: Path) -> None:
    """What Tune wrote of it is said; without that, only an attempt that had not begun is called so."""
    trial: Trial = small_trial()
    listener: Any = Listener()
    watch = Watch(work_of(trial), ClusterOptions(), listener)
    file = tmp_path / "error.txt"
    turn: Any = SimpleNamespace(
        config={"turn": 0}, run_metadata=SimpleNamespace(pickled_error_filename=None), error_file=str(file)
    )
    began = {EVENTS: [Event(0, "began", {"node": "a", "pid": 7}).to_json()]}
    watch.on_trial_start(trial=turn)
    watch.on_trial_result(trial=turn, result=began)
    watch.on_trial_recover(trial=turn)
    assert listener.said.pop() == f"again   {trial.label}: WorkerLost: its process ended without a word"
    file.write_text(
        "Failure # 1 (occurred at noon)\nold\nFailure # 2 (occurred at one)\n\x1b[36mThe actor died\n"
    )
    watch.on_trial_recover(trial=turn)
    assert listener.said.pop() == f"again   {trial.label}: WorkerLost: The actor died"
    file.unlink()
    watch.on_trial_start(trial=turn)
    watch.on_trial_recover(trial=turn)
    assert listener.said.pop() == f"again   {trial.label}: WorkerLost: its process ended before it began"


def test_a_failure_is_told_as_text_and_never_unpickled(tmp_path: Path) -> None:
    """What lies in Tune's folder is not loaded, neither here nor by Tune; what the worker said of it is recorded."""
    trial: Trial = small_trial()
    planted = tmp_path / "error.pkl"
    planted.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "executed").encode() + b"'\ntR.")
    metadata = SimpleNamespace(pickled_error_filename=planted.name)
    failed: Any = SimpleNamespace(
        config={"turn": 0}, run_metadata=metadata, pickled_error_file=str(planted), error_file=None
    )
    ResultsStore(tmp_path / "results").create_or_open({})
    listener: Any = Listener()
    watch = Watch(work_of(trial, str(tmp_path / "results")), ClusterOptions(), listener)
    told = as_told(ValueError("shapes do not match"))
    event = Event(0, "stumbled", dict(told))
    watch.on_trial_result(trial=failed, result={EVENTS: [event.to_json()]})
    watch.on_trial_error(trial=failed)
    assert not (tmp_path / "executed").exists()
    assert metadata.pickled_error_filename is None  # or Tune would load it at the end
    (error,) = ResultsStore(tmp_path / "results").errors().values()
    assert (error["type"], error["message"]) == ("ValueError", "shapes do not match")


def test_a_trial_that_says_nothing_is_announced_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 45 seconds it is said; after its limit its process is ended, and the reason is what the failure says."""
    trial: Trial = small_trial()
    listener: Any = Listener()
    watch = Watch(work_of(trial), ClusterOptions(), listener)
    clock = Clock()
    monkeypatch.setattr(watching, "monotonic", clock)
    metadata = SimpleNamespace(pickled_error_filename=None)
    turn: Any = SimpleNamespace(
        config={"turn": 0}, status="RUNNING", run_metadata=metadata, error_file=None, max_failures=1
    )
    watch.on_trial_start(trial=turn)
    clock.now = 44.0
    watch.on_step_end(trials=[turn])
    assert listener.said == []
    clock.now = 46.0
    watch.on_step_end(trials=[turn])
    assert "nothing heard of" in listener.said.pop()
    watch.on_trial_result(trial=turn, result={EVENTS: [Event(0, "alive").to_json()]})
    clock.now = 90.0
    watch.on_step_end(trials=[turn])
    assert listener.said == []
    ended: list[int] = []
    monkeypatch.setattr(WorkerProcess, "end", lambda process: ended.append(process.pid))
    began = Event(0, "began", {"node": "a", "pid": 7})
    watch.on_trial_result(trial=turn, result={EVENTS: [began.to_json()]})
    clock.now += LEAST_S
    watch.on_step_end(trials=[turn])
    assert ended == [7]
    watch.on_trial_recover(trial=turn)
    (again,) = listener.said
    assert "TrialTimeout: nothing was heard of it for 15 min" in again


def test_a_process_that_still_runs_is_ended_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray lost the task that was to end it, for lack of memory: the sweep waited for ever, and said nothing."""
    listener: Any = Listener()
    watch, clock, ended = Watch(work_of(small_trial()), ClusterOptions(), listener), Clock(), list[int]()
    monkeypatch.setattr(watching, "monotonic", clock)
    monkeypatch.setattr(WorkerProcess, "end", lambda process: ended.append(process.pid))
    turn: Any = SimpleNamespace(config={"turn": 0}, status="RUNNING", max_failures=1)
    watch.on_trial_start(trial=turn)
    began = Event(0, "began", {"node": "a", "pid": 7})
    watch.on_trial_result(trial=turn, result={EVENTS: [began.to_json()]})
    for second, times in ((0, 1), (1, 1), (watching.AGAIN_S, 2), (2 * watching.AGAIN_S, 3)):
        clock.now = LEAST_S + second
        watch.on_step_end(trials=[turn])
        assert ended == [7] * times
    watch.on_trial_start(trial=turn)
    watch.on_step_end(trials=[turn])
    assert len(ended) == 3


def test_a_trial_that_hangs_before_it_has_told_its_process_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray knows where its actor runs. It would be waited for again and again."""
    listener: Any = Listener()
    watch, clock, ended = Watch(work_of(small_trial()), ClusterOptions(), listener), Clock(), list[int]()
    monkeypatch.setattr(watching, "monotonic", clock)
    monkeypatch.setattr(WorkerProcess, "of", lambda actor: WorkerProcess("a", actor))
    monkeypatch.setattr(WorkerProcess, "end", lambda process: ended.append(process.pid))
    turn: Any = SimpleNamespace(
        config={"turn": 0}, status="RUNNING", temporary_state=SimpleNamespace(ray_actor=7), max_failures=1
    )
    watch.on_trial_start(trial=turn)
    clock.now = LEAST_S
    watch.on_step_end(trials=[turn])
    assert ended == [7]
