"""Weights & Biases runs, one a trial, under the trial's own id so that a resumed sweep goes on in the same run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import wandb

from dalbt_ray.launch.trackers.tracker import Status, TrackedRound, TrackedTrial

MOST_OPEN = 4
"""Runs that are open at once, at most: each has threads and a connection of its own."""


@dataclass
class _Run:
    trial: TrackedTrial
    opened: Any = None
    waiting: list[TrackedRound] = field(default_factory=list)


class WandbTracker:
    """Logs to the project `dalbt-ray`, grouped by sweep; `WANDB_MODE=offline` keeps it on this machine.

    Up to three trials are copied live; while they are, the rounds of others wait for the end of their trial.
    """

    def __init__(self, folder: str, sweep: str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._folder, self._sweep = folder, sweep
        self._runs: dict[str, _Run] = {}

    def begin(self, trial: TrackedTrial, *, whole: bool) -> None:  # noqa: ARG002 - steps only go up
        """Open the trial's run, or remember it."""
        run = _Run(trial)
        if sum(each.opened is not None for each in self._runs.values()) < MOST_OPEN - 1:
            run.opened = self._open(trial.trial_id, trial.name, dict(trial.parameters))
        self._runs[trial.trial_id] = run

    def log(self, trial_id: str, row: TrackedRound) -> None:
        """The measures, at the labels as step."""
        run = self._runs[trial_id]
        if run.opened is None:
            run.waiting.append(row)
        else:
            run.opened.log(dict(row.measures), step=row.labels)

    def end(self, trial_id: str, status: Status, ended: float) -> None:
        """Finish the run; its summary has the true start and end."""
        run = self._runs.pop(trial_id)
        opened = run.opened or self._open(trial_id, run.trial.name, dict(run.trial.parameters))
        for row in run.waiting:
            opened.log(dict(row.measures), step=row.labels)
        opened.summary.update({"status": status, "started": run.trial.started, "ended": ended})
        opened.finish(exit_code=0 if status == "finished" else 1)

    def attach(self, report: Path) -> None:
        """The page as an artifact of a run of its own, called `report`."""
        run = self._open(None, "report", {})
        kept = wandb.Artifact(f"report-{self._sweep}", type="report")
        kept.add_file(str(report))
        run.log_artifact(kept)
        run.finish()

    def close(self) -> None:
        """Nothing is buffered: every run has ended."""

    def _open(self, key: str | None, name: str, parameters: dict[str, str]) -> Any:
        return wandb.init(
            project="dalbt-ray",
            group=self._sweep,
            id=key,
            name=name,
            config=parameters,
            dir=self._folder,
            resume="allow" if key else None,
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off"),
        )
