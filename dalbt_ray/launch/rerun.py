"""Repeat a finished trial from its manifest, and compare bit for bit."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

from dalbt_ray.config import Trial
from dalbt_ray.data.sources import user_cache
from dalbt_ray.launch.finished_trial import finished_trial
from dalbt_ray.options.own_code import own_sources
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.results.schemas import MEASURES
from dalbt_ray.trial.manifest import environment
from dalbt_ray.trial.rounds import run_trial

ENVIRONMENT = ("device", "cpu", "instructions", "threads", "packages", "python")
"""What has to be equal for equal bits: floating-point kernels are chosen by it."""


@dataclass(frozen=True)
class Rerun:
    """What a repetition showed.

    Attributes:
        trial_id: the trial.
        rounds: rounds that were repeated.
        differences: `round 3: test_accuracy 0.91 -> 0.92`, one entry for each round that differs.
        surroundings: what differs in environment or code, as `cpu: A -> B`; a reason for other bits.
    """

    trial_id: str
    rounds: int
    differences: list[str]
    surroundings: list[str]

    def __str__(self) -> str:
        """The verdict, then what differs."""
        if not self.differences:
            verdict = f"{self.trial_id}: all {self.rounds} rounds repeated, identical to the last bit"
        elif self.surroundings:
            verdict = (
                f"{self.trial_id}: {len(self.differences)} of {self.rounds} rounds differ, under other conditions: "
                "equal bits are promised for equal versions, device, CPU and thread count"
            )
        else:
            verdict = f"{self.trial_id}: {len(self.differences)} of {self.rounds} rounds DIFFER under equal conditions"
        return "\n".join([verdict, *(f"  {line}" for line in self.surroundings + self.differences)])


def rerun(results: str, trial_id: str, data_root: Path | None, sweep_file: str | None = None) -> Rerun:
    """Run a finished trial again in this process, in a temporary folder, and compare its tables.

    What it takes and refuses is what `finished_trial` does.
    """
    finished = finished_trial(results, trial_id, data_root, sweep_file)
    trial, manifest = finished.trial, finished.manifest
    before = load_results(results)
    rounds, picks = _of(before.rounds, trial_id), _of(before.selections, trial_id)
    torch.set_num_threads(int(manifest["environment"].get("threads", 1)))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with TemporaryDirectory() as folder:
        again = ResultsStore(folder)
        again.create_or_open({"sweep": "rerun"})
        run_trial(
            replace(trial, rounds=len(rounds) - 1),
            finished.image_set,
            again,
            device=device,
            cache=user_cache(os.environ),
        )
        repeated = load_results(folder)
    name = repeated.rounds["trial_id"].iloc[0]
    differences = _differences(rounds, _of(repeated.rounds, name))
    if not _equal(picks.drop(columns="trial_id"), _of(repeated.selections, name).drop(columns="trial_id")):
        differences.append("selections differ")
    return Rerun(trial_id, len(rounds), differences, surroundings(manifest, trial, device))


def _of(frame: pd.DataFrame, trial_id: str) -> pd.DataFrame:
    return frame[frame["trial_id"] == trial_id].reset_index(drop=True)


def _differences(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    # A metric that joined since the trial ran is null in all of its rounds.
    new = {name for name in MEASURES if before[name].isna().all()}
    shared = [name for name in before.columns if name in after.columns and name not in {"trial_id", *new}]
    found = []
    for index in range(max(len(before), len(after))):
        if index >= min(len(before), len(after)):
            found.append(
                f"round {index}: only in {'the repetition' if index >= len(before) else 'the results'}"
            )
            continue
        unequal = [name for name in shared if not _same(before[name][index], after[name][index])]
        if unequal:
            name = unequal[0]
            found.append(f"round {index}: {name} {before[name][index]} -> {after[name][index]}")
    return found


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray | list) and isinstance(b, np.ndarray | list):
        return list(a) == list(b)
    return bool(a == b) or (a is None and b is None) or bool(pd.isna(a) and pd.isna(b))


def _equal(before: pd.DataFrame, after: pd.DataFrame) -> bool:
    shared = [name for name in before.columns if name in after.columns]
    return len(before) == len(after) and before[shared].equals(after[shared])


def surroundings(manifest: Mapping[str, Any], trial: Trial, device: torch.device) -> list[str]:
    """What differs between then and now in environment or code, as `cpu: A -> B`."""
    then, now = manifest.get("environment", {}), environment(device)
    found = [
        f"{name}: {then.get(name, 'not recorded')} -> {now[name]}"
        for name in ENVIRONMENT
        if then.get(name) != now[name]
    ]
    if manifest.get("workers", 1) > 1:
        found.append(f"workers: {manifest['workers']} -> 1")
    sources = own_sources(trial)
    found += [
        f"source of {name}: changed"
        for name, digest in manifest.get("own_code", {}).items()
        if sources.get(name) != digest
    ]
    return found
