"""What happens to the trials of a running sweep: told by Tune, passed on to progress, errors and watchdog."""

import re
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial as TuneTrial

from dalbt_ray.cluster.ending import WorkerProcess
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.reports import Event, events_of
from dalbt_ray.cluster.silence import Silence, silence_limit_s
from dalbt_ray.cluster.train_loop import GRACE_S, SharedWork
from dalbt_ray.cluster.watchdog import Watchdog
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.clock import span
from dalbt_ray.trial.failures import (
    Stalled,
    TrialTimeout,
    WorkerLost,
    from_told,
    hint_for,
    in_one_line,
)
from dalbt_ray.trial.observer import Observer

AGAIN_S = 30.0
"""Seconds until a process that still runs is ended once more: Ray may have lost the task that was to do it."""

_COLOR = re.compile("\x1b\\[[0-9;]*m")


class Watch(tune.Callback):  # type: ignore[misc]
    """Tune's callback in the driver. What is one trial to Tune is a turn to us: trials one after the other.

    Args:
        work: the sweep; its turns may follow with `schedule`.
        options: limits.
        progress: told what happens.
    """

    def __init__(self, work: SharedWork, options: ClusterOptions, progress: Observer) -> None:
        self._finished: set[int] = set()
        self._failed: set[int] = set()
        self._work = work
        self._options = options
        self._progress = progress
        self._dog = Watchdog(stall_after_s=options.stall_after_s, wait_at_most_s=options.wait_at_most_s)
        self._current: dict[int, tuple[int, float]] = {}  # by turn: the trial that runs, and since when
        self._stumbled: dict[int, BaseException] = {}  # by trial: the failure of its last attempt
        self._silences: dict[int, Silence] = {}  # by turn
        self._processes: dict[int, WorkerProcess] = {}  # by turn
        self._asked_to_end: dict[int, float] = {}  # by turn: when
        self._idle_gpu_told = False
        self.avoided: dict[str, str] = {}
        """Nodes that turned out to be unable to run trials, by id, and why."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restore, which never happens."""
        return {}

    @property
    def done(self) -> int:
        """Trials published."""
        return len(self._finished)

    @property
    def failed(self) -> int:
        """Trials given up."""
        return len(self._failed)

    @property
    def left(self) -> list[int]:
        """Indices of trials that are neither."""
        over = self._finished | self._failed
        return [index for index in range(len(self._work.trials)) if index not in over]

    def schedule(self, work: SharedWork) -> None:
        """Watch the turns of `work`, which is the same sweep."""
        self._work = work
        self._current, self._silences, self._processes, self._asked_to_end = {}, {}, {}, {}

    def on_trial_start(self, *, trial: TuneTrial, **_: Any) -> None:
        """Tune: a turn has a process; its first trial that is not over begins."""
        turn = int(trial.config["turn"])
        self._current.pop(turn, None)
        self._processes.pop(turn, None)  # of an attempt that failed
        self._asked_to_end.pop(turn, None)
        over = self._finished | self._failed
        first = next((index for index in self._work.turns[turn] if index not in over), None)
        if first is not None:
            self._began(turn, first)

    def on_trial_result(self, *, trial: TuneTrial, result: dict[str, Any], **_: Any) -> None:
        """Tune: a worker tells what has happened to the trials of its turn."""
        turn = int(trial.config["turn"])
        if turn in self._silences:
            self._silences[turn].heard(monotonic())
        for event in events_of(result):
            trial_id = self._work.trial_id(event.index)
            if event.index in self._finished | self._failed:
                continue
            if event.kind == "began":
                self._began(turn, event.index)
                self._processes[turn] = WorkerProcess(**event.told)
            elif event.kind == "round":
                self._progress.round(trial_id, event.told)
                self._tell_of_idle_gpu(event)
            elif event.kind == "stumbled":
                self._stumbled[event.index] = from_told(event.told)
            elif event.kind == "finished":
                self._finished.add(event.index)
                self._progress.finished(trial_id)
            elif event.kind == "misplaced":
                self._set_aside(event.told["node"], event.told["problem"])
            elif event.kind == "failed":
                self._failed.add(event.index)
                self._progress.failed(trial_id, event.told["message"])

    def on_trial_recover(self, *, trial: TuneTrial, **_: Any) -> None:
        """Tune: a turn has failed and starts again, where its last committed round ended."""
        index = self._running(trial)
        error = self._error_of(trial, index)
        self._progress.say(f"again   {self._work.trials[index].label}: {in_one_line(error)}")

    def on_trial_error(self, *, trial: TuneTrial, **_: Any) -> None:
        """Tune: a turn has failed for good. The trial that ran is given up; what would have followed it is left."""
        index = self._running(trial)
        trial_id, error = self._work.trial_id(index), self._error_of(trial, index)
        if self._time_is_up(trial):
            error = TrialTimeout(f"hung; ended after trial_timeout_s = {self._options.trial_timeout_s:g}")
        hint = hint_for(error)
        ResultsStore(self._work.store_root).record_error(trial_id, error, hint)
        self._failed.add(index)
        self._progress.failed(trial_id, in_one_line(error) + (f" ({hint})" if hint else ""))

    def on_step_end(self, *, trials: list[TuneTrial], **_: Any) -> None:
        """Tune: one turn of its loop, several a second."""
        running = [trial for trial in trials if trial.status == TuneTrial.RUNNING]
        for trial in running:
            if self._time_is_up(trial):
                trial.max_failures = 0  # a trial that hung would hang again
            self._listen(trial)
        waiting = [trial for trial in trials if trial.status == TuneTrial.PENDING]
        now = monotonic()
        idle = not running and bool(waiting)
        verdict = self._dog.observe(
            now,
            running=len(running) or not waiting,
            has_room=idle and self._has_room(self._running(waiting[0])),
            starting=idle and _starting(),
        )
        if verdict == "announce":
            self._progress.say(
                f"waiting since {span(self._dog.idle_seconds(now))}: {self._situation(waiting)}"
            )
        elif verdict != "fine":
            since = span(self._dog.idle_seconds(now))
            raise Stalled(f"no trial ran for {since}: {self._situation(waiting)}")

    def _error_of(self, trial: TuneTrial, index: int) -> BaseException:
        """Why an attempt failed: what the worker told of it, or else that it died.

        Tune keeps failures as pickles in a folder. Nothing of it is ever loaded, by Tune itself neither.
        """
        trial.run_metadata.pickled_error_filename = None
        told = self._stumbled.pop(index, None)
        began = int(trial.config["turn"]) in self._processes
        return told if told is not None else WorkerLost(_last_words(trial, began=began))

    def _began(self, turn: int, index: int) -> None:
        current = self._current.get(turn)
        if current is None or current[0] != index:
            settings = self._work.trials[index]
            self._progress.started(self._work.trial_id(index), settings.label, settings.rounds + 1)
        self._current[turn] = (index, monotonic())
        limit_s = silence_limit_s(
            self._work.trials[index], self._work.shares[index], self._options.wait_at_most_s
        )
        self._silences[turn] = Silence(limit_s, since=monotonic())

    def _running(self, trial: TuneTrial) -> int:
        """The trial of a turn that runs, or ran last."""
        turn = int(trial.config["turn"])
        current = self._current.get(turn)
        return self._work.turns[turn][0] if current is None else current[0]

    def _set_aside(self, node: str, problem: str) -> None:
        if node not in self.avoided:
            self.avoided[node] = problem
            self._progress.say(f"node {node[:8]} is set aside: {problem}; its trials run elsewhere")

    def _listen(self, trial: TuneTrial) -> None:
        """Say that nothing is heard of a turn; end its process after too long a silence, or beyond its time."""
        turn = int(trial.config["turn"])
        silence, current = self._silences.get(turn), self._current.get(turn)
        if silence is None or current is None:
            return
        now, (index, began) = monotonic(), current
        verdict, waited = silence.observe(now), span(now - silence.since)
        limit = self._options.trial_timeout_s
        if limit is not None and now - began >= limit + 2 * GRACE_S:
            self._end(trial, index, f"hung; ended after trial_timeout_s = {limit:g}")
        elif verdict == "give_up":
            self._end(trial, index, f"nothing was heard of it for {waited}; its process was ended")
        elif verdict == "announce":
            self._progress.say(
                f"nothing heard of {self._work.trials[index].label} for {waited}: a long step, or it hangs; "
                f"ended after {span(silence.limit_s)}"
            )

    def _end(self, trial: TuneTrial, index: int, why: str) -> None:
        turn = int(trial.config["turn"])
        if monotonic() - self._asked_to_end.get(turn, -AGAIN_S) < AGAIN_S:
            return
        process = self._processes.get(turn)
        if process is None:  # it hangs since before it could say where it runs
            process = WorkerProcess.of(trial.temporary_state.ray_actor)
        if process is None:
            self._silences[turn].heard(monotonic())
            return
        self._stumbled[index] = TrialTimeout(why)
        self._asked_to_end[turn] = monotonic()
        process.end()

    def _tell_of_idle_gpu(self, event: Event) -> None:
        on_cpu = event.told.get("device_type") == "cpu"
        if self._work.shares[event.index].gpus and on_cpu and not self._idle_gpu_told:
            self._idle_gpu_told = True
            self._progress.say(
                f"{self._work.trials[event.index].label} holds a GPU but runs on the CPU, since torch sees no GPU "
                "there: install torch for CUDA on every node, or use --gpus-per-trial 0"
            )

    def _time_is_up(self, trial: TuneTrial) -> bool:
        limit, current = self._options.trial_timeout_s, self._current.get(int(trial.config["turn"]))
        return limit is not None and current is not None and monotonic() - current[1] >= limit

    def _has_room(self, index: int) -> bool:
        share = self._work.shares[index]
        free: dict[str, float] = ray.available_resources()
        wanted = {"CPU": share.cpus * share.workers, "GPU": share.gpus * share.workers}
        return all(free.get(kind, 0) >= amount for kind, amount in wanted.items())

    def _situation(self, waiting: list[TuneTrial]) -> str:
        share = self._work.shares[self._running(waiting[0])]
        free, total = ray.available_resources(), ray.cluster_resources()
        there = ", ".join(
            f"{free.get(kind, 0):g} of {total.get(kind, 0):g} {kind} free" for kind in ("CPU", "GPU")
        )
        on_its_way = ", processes are starting" if _starting() else ""
        return f"{len(waiting)} trials wait to run {share}; {there} on {len(ray.nodes())} node(s){on_its_way}"


def _starting() -> bool:
    """Whether a process of this sweep is on its way: Tune asks for one only where its reservation is granted."""
    job = ray.JobID.from_hex(ray.get_runtime_context().get_job_id())
    return bool(ray._private.state.actors(job_id=job, actor_state_name="PENDING_CREATION"))


def _last_words(trial: TuneTrial, *, began: bool) -> str:
    """The end of what Tune wrote of a process that died, as text; it may have written nothing.

    From the driver's own copy: `Trial.get_error` reads the one that Tune keeps in step every now and then.
    """
    text = ""
    if trial.error_file is not None:
        with suppress(OSError):
            text = Path(trial.error_file).read_text("utf-8", "replace")
    block = text.rpartition("Failure # ")[2].splitlines()
    lines = [line for line in (_COLOR.sub("", each).strip() for each in block[1:]) if line]
    if lines:
        return lines[0][:300]
    return "its process ended without a word" if began else "its process ended before it began"
