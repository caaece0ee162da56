"""Weights & Biases runs, one a trial, under the trial's own id so that a resumed sweep goes on in the same run."""

from pathlib import Path
from typing import Any

import wandb

from dalbt_ray.launch.trackers.tracker import metrics_of, name_of, settings_of


class WandbTracker:
    """Logs to the project `dalbt-ray`, grouped by sweep; `WANDB_MODE=offline` keeps it on this machine."""

    def __init__(self, folder: str, sweep: str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._folder, self._sweep = folder, sweep
        self._runs: dict[str, Any] = {}

    def log(self, trial_id: str, row: dict[str, Any]) -> None:
        """The row's measurements, at the round as step."""
        if trial_id not in self._runs:
            self._runs[trial_id] = wandb.init(
                project="dalbt-ray",
                group=self._sweep,
                id=trial_id,
                name=name_of(row),
                config=settings_of(row),
                dir=self._folder,
                resume="allow",
                reinit="create_new",
                settings=wandb.Settings(silent=True, console="off"),
            )
        self._runs[trial_id].log(metrics_of(row), step=int(row["round"]))

    def close(self) -> None:
        """Finish the runs."""
        for run in self._runs.values():
            run.finish()
