"""What a tracker is, and what it is told of a trial and its rounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import pandas as pd

from dalbt_ray.report.cells import find_cells
from dalbt_ray.report.study import names_of_trials
from dalbt_ray.results.trial_frame import flattened

Status = Literal["finished", "failed", "interrupted"]

IDENTITY = ("budget", "seed")
"""Numbers of a row that say which trial it is, and measure nothing."""


@dataclass(frozen=True)
class TrackedTrial:
    """A trial as a tracker's run.

    Attributes:
        trial_id: its id.
        name: tells it from every other trial of the sweep.
        parameters: every entry of its configuration, by path.
        started: when its first round began, seconds since 1970.
    """

    trial_id: str
    name: str
    parameters: Mapping[str, str]
    started: float


@dataclass(frozen=True)
class TrackedRound:
    """A committed round.

    Attributes:
        labels: paid for so far, the initial set included: the step.
        measures: every number of its row.
        ended: when it was over, seconds since 1970.
    """

    labels: int
    measures: Mapping[str, float]
    ended: float


class Tracker(Protocol):
    """Somewhere to copy rounds to. Called from one thread."""

    def begin(self, trial: TrackedTrial, *, whole: bool) -> None:
        """Open the run of a trial. `whole`: all of its rounds follow, so that what a run of it has may be replaced."""

    def log(self, trial_id: str, row: TrackedRound) -> None:
        """Copy one committed round."""

    def end(self, trial_id: str, status: Status, ended: float) -> None:
        """Close a run; `ended` in seconds since 1970."""

    def attach(self, report: Path) -> None:
        """Keep the report's page."""

    def close(self) -> None:
        """Write out what is buffered."""


def tracked_trial(
    trial_id: str, name: str, config: Mapping[str, Any], first_timing: Mapping[str, Any]
) -> TrackedTrial:
    """A trial from its configuration and the row of `timings` of its first round."""
    parameters = {path: str(value) for path, value in flattened(config)}
    return TrackedTrial(trial_id, name, parameters, _began(first_timing))


def tracked_round(row: Mapping[str, Any], timing: Mapping[str, Any], initial: int) -> TrackedRound:
    """A round from its rows of `rounds` and `timings`.

    Args:
        row: a row of `rounds`; missing values are None or NaN.
        timing: its row of `timings`.
        initial: size of the initial set.
    """
    measures = {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float) and value == value and name not in IDENTITY  # noqa: PLR0124 - NaN
    }
    seconds = float(timing["total_seconds"])
    return TrackedRound(
        labels=initial + int(row["n_bought"]),
        measures=measures | {"total_seconds": seconds},
        ended=_began(timing) + seconds,
    )


def ending(last_row: Mapping[str, Any]) -> Status:
    """How a published trial ended: one that diverged has failed."""
    return "failed" if last_row["status"] == "diverged" else "finished"


def run_names(trials: pd.DataFrame) -> dict[str, str]:
    """A name for each row of `results.trial_frame.trial_frame` that tells it from every other, by trial id."""
    return names_of_trials(trials.join(find_cells(trials).trials)) if len(trials) else {}


def _began(timing: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(str(timing["started_utc"])).timestamp()
