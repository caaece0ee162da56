"""MLflow runs: one a trial, found again by its tag when a sweep is resumed."""

import os
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from dalbt_ray.launch.trackers.tracker import metrics_of, name_of, settings_of


class MlflowTracker:
    """Logs to `$MLFLOW_TRACKING_URI`, MLflow's own setting, or else to a SQLite file below `folder`."""

    def __init__(self, folder: str, sweep: str) -> None:
        uri = os.environ.get("MLFLOW_TRACKING_URI")  # MLflow's own setting
        if uri is None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{Path(folder).resolve() / 'mlflow.db'}"
        self._client = MlflowClient(tracking_uri=uri)
        found = self._client.get_experiment_by_name(sweep)
        self._experiment: str = found.experiment_id if found else self._client.create_experiment(sweep)
        self._runs: dict[str, str] = {}

    def log(self, trial_id: str, row: dict[str, Any]) -> None:
        """The row's measurements, at the round as step."""
        if trial_id not in self._runs:
            self._runs[trial_id] = self._run(trial_id, row)
        run = self._runs[trial_id]
        for name, value in metrics_of(row).items():
            self._client.log_metric(run, name, value, step=int(row["round"]))

    def close(self) -> None:
        """End the runs."""
        for run in self._runs.values():
            self._client.set_terminated(run)

    def _run(self, trial_id: str, row: dict[str, Any]) -> str:
        present = self._client.search_runs([self._experiment], f"tags.trial_id = '{trial_id}'", max_results=1)
        if present:
            return str(present[0].info.run_id)
        run = self._client.create_run(self._experiment, tags={"trial_id": trial_id}, run_name=name_of(row))
        for name, value in settings_of(row).items():
            self._client.log_param(run.info.run_id, name, value)
        return str(run.info.run_id)
