"""Repeat a finished trial from its manifest, and compare bit for bit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

from dalbt_ray.config import Trial, known_classes, trial_from_json
from dalbt_ray.data.embedding.embedded_set import load_images
from dalbt_ray.errors import InputError
from dalbt_ray.options.canonical import Classes
from dalbt_ray.options.own_code import own_sources
from dalbt_ray.options.value import Named, is_users
from dalbt_ray.results import ResultsStore, load_results
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

    Args:
        results: the results folder or URI.
        trial_id: 16 hex digits.
        data_root: the folder of image sets.
        sweep_file: the Python file that defines the user's own classes of the trial, if there are any.

    Raises:
        InputError: no such finished trial, data that are not those of the manifest, or a class that is not known.
    """
    store = ResultsStore(results)
    manifest = store.manifest(trial_id)
    trial = trial_from_json(manifest["config"], classes_of(sweep_file, manifest["config"]))
    image_set = load_images(*trial.image_key, data_root)
    if image_set.data_hash != manifest["data_hash"]:
        raise InputError(
            "data-root",
            str(data_root),
            f"holds other images of {trial.dataset} than the trial was run on",
            remedy=f"the trial's data hash is {manifest['data_hash']}",
        )
    before = load_results(results)
    rounds, picks = _of(before.rounds, trial_id), _of(before.selections, trial_id)
    torch.set_num_threads(int(manifest["environment"].get("threads", 1)))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with TemporaryDirectory() as folder:
        again = ResultsStore(folder)
        again.create_or_open({"sweep": "rerun"})
        run_trial(replace(trial, rounds=len(rounds) - 1), image_set, again, device=device)
        repeated = load_results(folder)
    name = repeated.rounds["trial_id"].iloc[0]
    differences = _differences(rounds, _of(repeated.rounds, name))
    if not _equal(picks.drop(columns="trial_id"), _of(repeated.selections, name).drop(columns="trial_id")):
        differences.append("selections differ")
    return Rerun(trial_id, len(rounds), differences, _surroundings(manifest, trial, device))


def classes_of(sweep_file: str | None, config: Mapping[str, Any]) -> Classes:
    """What names stand for, the classes of a sweep file included.

    Raises:
        InputError: the file is not there.
    """
    classes = {base: dict(names) for base, names in known_classes().items()}
    if sweep_file is None:
        for base, names in classes.items():
            part = config.get(base.path)
            if isinstance(part, dict) and part.get("name") not in names:
                remedy = "name the file that defines it: --sweep-file mine.py"
                raise InputError(base.path, part.get("name"), "is not one of this package", remedy=remedy)
        return classes
    path = Path(sweep_file)
    if not path.is_file():
        raise InputError("sweep-file", sweep_file, "is not a file")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for found in vars(module).values():
        if (
            isinstance(found, type)
            and issubclass(found, Named)
            and is_users(found)
            and hasattr(found, "name")
        ):
            for base, names in classes.items():
                if issubclass(found, base):
                    names[found.name] = found
    return classes


def _of(frame: pd.DataFrame, trial_id: str) -> pd.DataFrame:
    return frame[frame["trial_id"] == trial_id].reset_index(drop=True)


def _differences(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    shared = [name for name in before.columns if name in after.columns and name != "trial_id"]
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


def _surroundings(manifest: Mapping[str, Any], trial: Trial, device: torch.device) -> list[str]:
    then, now = manifest.get("environment", {}), environment(device)
    found = [
        f"{name}: {then.get(name, 'not recorded')} -> {now[name]}"
        for name in ENVIRONMENT
        if then.get(name) != now[name]
    ]
    sources = own_sources(trial)
    found += [
        f"source of {name}: changed"
        for name, digest in manifest.get("own_code", {}).items()
        if sources.get(name) != digest
    ]
    return found
