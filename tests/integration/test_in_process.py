"""Without Ray, too, a trial that fails leaves the others alone."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from dalbt_ray.launch.in_process import run_in_process
from dalbt_ray.launch.progress import Progress
from dalbt_ray.launch.sweep_command import sweep
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.pool import PoolView
from dalbt_ray.pretraining.twins_on_pool import TwinsOnPool
from dalbt_ray.results import ResultsStore, verify
from dalbt_ray.strategies.method import Ranked
from dalbt_ray.trial.outcome import SweepOutcome
from tests.integration.failing_calls import trials
from tests.integration.sweeps import small_trials


@dataclass(frozen=True)
class Quitter(Ranked):
    """A strategy that ends the whole process."""

    name: ClassVar[str] = "quitter"

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """Does not come back."""
        sys.exit(3)


def test_a_strategy_that_exits_fails_its_trial_only(tmp_path: Path) -> None:
    """The other trial is published, and the error says who called."""
    _, random = small_trials(seeds=1, rounds=0)
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    with Progress(2) as progress:
        outcome = run_in_process([replace(random, strategy=Quitter()), random], str(tmp_path), None, progress)
    assert outcome == SweepOutcome(1, 1, interrupted=False)
    (error,) = store.errors().values()
    assert (error["type"], "sys.exit(3)" in error["message"]) == ("CalledExit", True)


def test_a_trial_beyond_its_time_is_given_up(tmp_path: Path) -> None:
    """Between two steps, as on Ray."""
    _, random = small_trials(seeds=1, rounds=0, epochs=100_000)
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    with Progress(1) as progress:
        outcome = run_in_process([random], str(tmp_path), None, progress, trial_timeout_s=0.1)
    assert outcome == SweepOutcome(0, 1, interrupted=False)
    (error,) = store.errors().values()
    assert error["type"] == "TrialTimeout"


def test_a_finished_sweep_whose_sweep_json_went_to_quarantine_is_whole_again(tmp_path: Path) -> None:
    """Nothing is left to do, so nobody would write it again: the table and the report could never be had."""
    command = ["--in-process", "--results", str(tmp_path / "results")]
    assert sweep(trials, None, command) == 0
    (tmp_path / "results" / "sweep.json").unlink()
    assert sweep(trials, None, command) == 0
    assert verify(tmp_path / "results").whole


def test_trials_share_a_pretraining_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two methods on one pool leave one file there; a sweep in another folder adds none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pair = [
        replace(
            each,
            objective=Supervised(),
            pretraining=TwinsOnPool(epochs=1),
            splits=replace(each.splits, pool_size=200, ood_count=20),
        )
        for each in small_trials(seeds=1, rounds=0)
    ]
    for name in ("one", "two"):
        ResultsStore(tmp_path / name).create_or_open({})
        with Progress(2) as progress:
            outcome = run_in_process(pair, str(tmp_path / name), None, progress)
        assert outcome == SweepOutcome(2, 0, interrupted=False)
        assert len([*(tmp_path / "cache" / "dalbt-ray" / "pretrained").glob("*.safetensors")]) == 1
