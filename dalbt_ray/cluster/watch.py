"""What happens to the trials of a running sweep: told by Tune, passed on to progress, errors and watchdog."""

import pickle
import re
from pathlib import Path
from time import monotonic
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.experiment import Trial as TuneTrial

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.train_loop import FAILED, SharedWork
from dalbt_ray.cluster.watchdog import Watchdog
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.clock import span
from dalbt_ray.trial.failures import Stalled, TrialTimeout, hint_for, in_one_line
from dalbt_ray.trial.observer import Observer

_COLOR = re.compile("\x1b\\[[0-9;]*m")


class Watch(tune.Callback):  # type: ignore[misc]
    """Tune's callback in the driver.

    Attributes:
        done: trials published.
        failed: trials given up.
    """

    def __init__(self, work: SharedWork, options: ClusterOptions, progress: Observer) -> None:
        self.done = 0
        self.failed = 0
        self._work = work
        self._options = options
        self._progress = progress
        self._dog = Watchdog(stall_after_s=options.stall_after_s, wait_at_most_s=options.wait_at_most_s)
        self._started: dict[int, float] = {}
        self._idle_gpu_told = False

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a restore, which never happens."""
        return {}

    def on_trial_start(self, *, trial: TuneTrial, **_: Any) -> None:
        """Tune: a trial has a process."""
        index = _index(trial)
        self._started[index] = monotonic()
        settings = self._work.trials[index]
        self._progress.started(self._work.trial_id(index), settings.label, settings.rounds + 1)

    def on_trial_result(self, *, trial: TuneTrial, result: dict[str, Any], **_: Any) -> None:
        """Tune: a trial has committed a round."""
        if FAILED in result or "round" not in result:
            return
        index = _index(trial)
        self._progress.round(self._work.trial_id(index), result)
        if self._work.shares[index].gpus and result.get("device_type") == "cpu" and not self._idle_gpu_told:
            self._idle_gpu_told = True
            self._progress.say(
                f"{self._work.trials[index].label} holds a GPU but runs on the CPU, since torch sees no GPU there: "
                "install torch for CUDA on every node, or use --gpus-per-trial 0"
            )

    def on_trial_complete(self, *, trial: TuneTrial, **_: Any) -> None:
        """Tune: a trial's function has returned."""
        trial_id = self._work.trial_id(_index(trial))
        if failure := (trial.last_result or {}).get(FAILED):
            self.failed += 1
            self._progress.failed(trial_id, failure)
        else:
            self.done += 1
            self._progress.finished(trial_id)

    def on_trial_recover(self, *, trial: TuneTrial, **_: Any) -> None:
        """Tune: a trial has failed and starts again, where its last committed round ended."""
        label = self._work.trials[_index(trial)].label
        self._progress.say(f"again   {label}: {in_one_line(_error_of(trial))}")

    def on_trial_error(self, *, trial: TuneTrial, **_: Any) -> None:
        """Tune: a trial has failed for good."""
        index = _index(trial)
        trial_id, error = self._work.trial_id(index), _error_of(trial)
        if self._time_is_up(index):
            error = TrialTimeout(f"hung; ended after trial_timeout_s = {self._options.trial_timeout_s:g}")
        hint = hint_for(error)
        ResultsStore(self._work.store_root).record_error(trial_id, error, hint)
        self.failed += 1
        self._progress.failed(trial_id, in_one_line(error) + (f" ({hint})" if hint else ""))

    def on_step_end(self, *, trials: list[TuneTrial], **_: Any) -> None:
        """Tune: one turn of its loop, several a second."""
        running = [trial for trial in trials if trial.status == TuneTrial.RUNNING]
        for trial in running:
            if self._time_is_up(_index(trial)):
                trial.max_failures = 0  # a trial that hung would hang again
        waiting = [trial for trial in trials if trial.status == TuneTrial.PENDING]
        now = monotonic()
        has_room = not running and bool(waiting) and self._has_room(_index(waiting[0]))
        verdict = self._dog.observe(now, running=len(running) or not waiting, has_room=has_room)
        if verdict == "announce":
            self._progress.say(
                f"waiting since {span(self._dog.idle_seconds(now))}: {self._situation(waiting)}"
            )
        elif verdict != "fine":
            idle = span(self._dog.idle_seconds(now))
            raise Stalled(f"no trial ran for {idle}: {self._situation(waiting)}")

    def _time_is_up(self, index: int) -> bool:
        limit, started = self._options.trial_timeout_s, self._started.get(index)
        return limit is not None and started is not None and monotonic() - started >= limit

    def _has_room(self, index: int) -> bool:
        share = self._work.shares[index]
        free: dict[str, float] = ray.available_resources()
        wanted = {"CPU": share.cpus * share.workers, "GPU": share.gpus * share.workers}
        return all(free.get(kind, 0) >= amount for kind, amount in wanted.items())

    def _situation(self, waiting: list[TuneTrial]) -> str:
        share = self._work.shares[_index(waiting[0])]
        free, total = ray.available_resources(), ray.cluster_resources()
        there = ", ".join(
            f"{free.get(kind, 0):g} of {total.get(kind, 0):g} {kind} free" for kind in ("CPU", "GPU")
        )
        return f"{len(waiting)} trials wait for {share}; {there} on {len(ray.nodes())} node(s)"


def _index(trial: TuneTrial) -> int:
    return int(trial.config["index"])


def _error_of(trial: TuneTrial) -> BaseException:
    """What Tune keeps of a failure, in the driver's own temporary folder; the original error if there is one.

    There is no file if the trial's process died before it had begun.
    """
    file = Path(trial.pickled_error_file) if trial.pickled_error_file else None
    if file is None or not file.exists():
        return RuntimeError(trial.get_error() or "its process ended before it began")
    error: BaseException = pickle.loads(file.read_bytes())  # noqa: S301 - this process wrote it a moment ago
    cause = error.cause if isinstance(error, RayTaskError) else None
    if not isinstance(cause, BaseException):
        return error
    cause.__cause__ = RuntimeError(_COLOR.sub("", str(error)))  # its text is the trace in the worker
    return cause
