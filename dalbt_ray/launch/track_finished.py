"""`dalbt track`: copy what a results folder holds to a tracker, after the fact."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from dalbt_ray.launch.trackers import open_tracker
from dalbt_ray.launch.trackers.tracker import ending, run_names, tracked_round, tracked_trial
from dalbt_ray.report.build import build_report
from dalbt_ray.report.study import results_name
from dalbt_ray.results import load_manifests, load_results
from dalbt_ray.results.trial_frame import trial_frame


def track_finished(results: str, name: str, data_root: Path | None = None) -> int:
    """Copy every trial of a results folder to a tracker, and its report.

    Done again, MLflow and TensorBoard have the same as after the first time. Trials that are not finished are left to
    the sweep that runs them.

    Args:
        results: the folder or URI.
        name: one of `trackers.TRACKERS`.
        data_root: where the data sets lie, for the report's pictures.

    Returns:
        The number of trials.

    Raises:
        InputError: not a results folder; an unknown tracker, or one whose package is missing.
    """
    manifests, tables = load_manifests(results), load_results(results)
    sweep = results_name(results)
    folder = f"tracking/{sweep}" if "://" in results else f"{results}/tracking"
    tracker = open_tracker(name, folder, sweep)
    configs = {trial_id: manifest["config"] for trial_id, manifest in manifests.items()}
    names = run_names(trial_frame({key: (config, "", 0) for key, config in configs.items()}))
    timings = dict(iter(tables.timings.groupby("trial_id")))
    for key, rounds in tables.rounds.groupby("trial_id"):
        trial_id, rows, clocks = str(key), _rows(rounds), _rows(timings[key])
        tracker.begin(tracked_trial(trial_id, names[trial_id], configs[trial_id], clocks[0]), whole=True)
        initial, ended = int(rows[0]["n_labeled"]), 0.0
        for row, clock in zip(rows, clocks, strict=True):
            told = tracked_round(row, clock, initial)
            tracker.log(trial_id, told)
            ended = told.ended
        tracker.end(trial_id, ending(rows[-1]), ended)
    with TemporaryDirectory() as place:
        tracker.attach(build_report(results, place, data_root=data_root))
    tracker.close()
    return len(timings)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
