"""Small trials whose rounds a tracker is told, and a tracker that keeps them."""

from pathlib import Path

from dalbt_ray.config import Trial
from dalbt_ray.launch.trackers.tracker import TrackedRound, TrackedTrial, Tracker
from dalbt_ray.launch.tracking import Tracking
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.rounds import run_trial
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


def empty_store(folder: Path) -> ResultsStore:
    """An empty results folder."""
    made = ResultsStore(folder)
    made.create_or_open({"sweep": "test"})
    return made
