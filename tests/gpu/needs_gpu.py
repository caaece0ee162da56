"""Marks of a test module that computes on a GPU, and the trials that its tests run."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.results import ResultsStore, load_results
from dalbt_ray.results.load import Results
from dalbt_ray.trial.rounds import run_trial

NEEDS_GPU = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU on this machine"),
]


def ran(trial: Trial, image_set: ImageSet, folder: Path, device: str = "cuda", **options: Any) -> Results:
    """The tables of `trial`, run into `folder`."""
    store = ResultsStore(folder)
    store.create_or_open({"sweep": "test"})
    run_trial(trial, image_set, store, device=device, **options)
    return load_results(folder)


def hashes(folder: Path) -> list[str]:
    """SHA-256 of the tables that hold no clocks."""
    tables = [
        file for table in ("rounds", "selections") for file in sorted((folder / table).glob("*.parquet"))
    ]
    assert tables
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in tables]
