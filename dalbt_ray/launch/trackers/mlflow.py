"""MLflow runs: one a trial, found again by its tag when a sweep is resumed or tracked again."""

import os
from pathlib import Path

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from dalbt_ray.launch.trackers.tracker import Status, TrackedRound, TrackedTrial

STATUS = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
BATCH, LONGEST = 100, 500
"""Parameters of one request, and characters of one: what every MLflow server takes."""


class MlflowTracker:
    """Logs to `$MLFLOW_TRACKING_URI`, MLflow's own setting, or else to a SQLite file below `folder`."""

    def __init__(self, folder: str, sweep: str) -> None:
        uri, artifacts = os.environ.get("MLFLOW_TRACKING_URI"), None  # MLflow's own setting
        if uri is None:
            home = Path(folder).resolve()
            home.mkdir(parents=True, exist_ok=True)
            uri, artifacts = f"sqlite:///{home / 'mlflow.db'}", (home / "artifacts").as_uri()
        self._client = MlflowClient(tracking_uri=uri)
        found = self._client.get_experiment_by_name(sweep)
        self._experiment: str = (
            found.experiment_id
            if found
            else self._client.create_experiment(sweep, artifact_location=artifacts)
        )
        self._runs: dict[str, str] = {}

    def begin(self, trial: TrackedTrial, *, whole: bool) -> None:  # noqa: ARG002 - a round logged again is one
        """A run with the trial's parameters, or the one that the trial has already."""
        run, new = self._run(trial.trial_id, trial.name, trial.started)
        self._runs[trial.trial_id] = run
        if not new:
            return
        parameters = [Param(path, value[:LONGEST]) for path, value in trial.parameters.items()]
        for first in range(0, len(parameters), BATCH):
            self._client.log_batch(run, params=parameters[first : first + BATCH])

    def log(self, trial_id: str, row: TrackedRound) -> None:
        """The measures, at the labels as step and the time at which the round was over."""
        at = _milliseconds(row.ended)
        metrics = [Metric(name, value, at, row.labels) for name, value in row.measures.items()]
        self._client.log_batch(self._runs[trial_id], metrics=metrics)

    def end(self, trial_id: str, status: Status, ended: float) -> None:
        """Close the run as finished, failed or killed."""
        self._client.set_terminated(self._runs.pop(trial_id), STATUS[status], _milliseconds(ended))

    def attach(self, report: Path) -> None:
        """The page as an artifact of a run of its own, called `report`."""
        run, _ = self._run("report", "report", report.stat().st_mtime)
        self._client.log_artifact(run, str(report))
        self._client.set_terminated(run)

    def close(self) -> None:
        """Nothing is buffered."""

    def _run(self, key: str, name: str, started: float) -> tuple[str, bool]:
        """The id of a run, and whether it is a new one."""
        present = self._client.search_runs([self._experiment], f"tags.trial_id = '{key}'", max_results=1)
        if present:
            run = str(present[0].info.run_id)
            self._client.update_run(run, status="RUNNING")
            return run, False
        made = self._client.create_run(
            self._experiment, start_time=_milliseconds(started), tags={"trial_id": key}, run_name=name
        )
        return str(made.info.run_id), True


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
