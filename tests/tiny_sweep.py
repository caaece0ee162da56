"""A tiny sweep of real trials for tests of the report: finished, running and failed ones."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped
from tests.small_trials import small_image_set, small_trial


def run_into(root: Path | str, strategy: str, seed: int, *, image_set: ImageSet, **changes: Any) -> None:
    """Run one tiny trial into `root`."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": "test"})
    run_trial(small_trial(strategy, seed=seed, **changes), image_set, store)


def tiny_sweep(root: Path) -> Path:
    """Five finished trials of two strategies and a mixed pool, one that was interrupted and one that failed."""
    single, mixed = small_image_set(), replace(small_image_set(ood=40), data_hash="1" * 64)
    for strategy in ("random", "margin"):
        for seed in (0, 1):
            run_into(root, strategy, seed, image_set=single)
    run_into(root, "random", 0, image_set=mixed, ood=40)
    store, seen = ResultsStore(root), []
    stopped = small_trial("margin", seed=2)
    with pytest.raises(Stopped):
        run_trial(stopped, single, store, on_round=seen.append, stop=lambda: len(seen) == 2)
    store.record_error("feedfeedfeedfeed", RuntimeError("<b>no</b> memory left"), hint="fewer trials at once")
    return root
