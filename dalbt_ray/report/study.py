"""Everything the report reads of one results folder: frames, manifests, failures."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dalbt_ray.report.frames import prepare_rounds
from dalbt_ray.results import ResultsStore, load_manifests, load_results

Json = dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """A results folder in memory.

    Attributes:
        name: the folder's name.
        rounds: prepared rounds of finished and running trials.
        selections: their queries.
        timings: their clocks.
        manifests: the manifest of every finished trial, by trial id.
        failures: the last error of every trial that failed and has not finished since, by trial id: `type`,
            `message`, `hint`, `trace`.
    """

    name: str
    rounds: pd.DataFrame
    selections: pd.DataFrame
    timings: pd.DataFrame
    manifests: dict[str, Json] = field(default_factory=dict)
    failures: dict[str, Json] = field(default_factory=dict)

    @property
    def unfinished(self) -> list[str]:
        """Trials with committed rounds and no manifest: running, interrupted or failed."""
        return sorted(set(self.rounds["trial_id"]) - set(self.manifests))

    @property
    def workers(self) -> dict[str, float]:
        """Devices that each finished trial held."""
        return {name: float(manifest.get("workers", 1)) for name, manifest in self.manifests.items()}


def read_sweep(results: Path | str) -> Sweep:
    """Read a finished or running sweep, from a folder or a URI such as `s3://bucket/sweep`.

    Raises:
        InputError: not a results folder, or damaged.
    """
    # Manifests first: a trial that finishes meanwhile then counts as running, with all its rounds.
    manifests = load_manifests(results)
    frames = load_results(results, include_running=True)
    return Sweep(
        name=str(results).rstrip("/").rsplit("/", 1)[-1] or "results",
        rounds=prepare_rounds(frames.rounds),
        selections=frames.selections,
        timings=frames.timings,
        manifests=manifests,
        failures=ResultsStore(results).errors(),
    )
