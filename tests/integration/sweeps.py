"""Small sweeps for tests that start Ray: quick trials, a command that runs them, and hashes of what they leave."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.config import Training, Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch.progress import Progress
from dalbt_ray.results import ResultsStore
from dalbt_ray.strategies.random import Random
from dalbt_ray.trial.outcome import SweepOutcome

REPOSITORY = Path(__file__).parents[2]
"""Where `command` has to run."""

STARTS_RAY = [
    pytest.mark.ray,
    # Ray leaves open files of its own processes to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""Marks of a test module that starts Ray."""


def small_trials(seeds: int = 2, rounds: int = 2, epochs: int = 1, ood: str = "kmnist_mini") -> list[Trial]:
    """`dalbt` and `random` on a mixed pool of the embedded images, a second or so a round."""
    setting = Trial(
        dataset="fashion_mini",
        ood=ood,
        rounds=rounds,
        budget=20,
        training=Training(epochs=epochs),
        splits=SplitSettings(
            train_limit=None, initial_size=40, validation_size=100, ood_count=500 if ood else 0
        ),
    )
    return [
        replace(setting, seed=seed, strategy=strategy)
        for seed in range(seeds)
        for strategy in (setting.strategy, Random())
    ]


def run_on_ray(trials: list[Trial], root: Path, options: ClusterOptions | None = None) -> SweepOutcome:
    """Run on a Ray of our own, two CPUs unless `options` say otherwise."""
    from dalbt_ray.cluster.run import run_sweep

    ResultsStore(root).create_or_open({"sweep": "test"})
    with Progress(len(trials)) as progress:
        return run_sweep(trials, str(root), None, options or ClusterOptions(own_cpus=2), progress)


def hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every deterministic file of a results folder, by relative path."""
    return {
        f"{table}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for table in ("rounds", "selections")
        for file in sorted((root / table).glob("*.parquet"))
    }


def committed_rounds(root: Path) -> int:
    """Rounds of unfinished trials that lie in the journal, plus all of published ones."""
    return sum(1 for _ in (root / "progress").glob("*/*")) + 100 * len(list((root / "trials").glob("*.json")))


def command(root: Path, **settings: object) -> list[str]:
    """A command that runs `small_trials(**settings)` that are not published yet."""
    return [sys.executable, "-m", "tests.integration.sweeps", str(root), json.dumps(settings)]


def main() -> int:
    """Entry point of `command`."""
    root, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    done = ResultsStore(root).committed()
    from dalbt_ray.data.image_set import ImageSetFiles

    trials = small_trials(**settings)
    data_hash = ImageSetFiles.find(trials[0].dataset, trials[0].ood, None).data_hash
    return run_on_ray([t for t in trials if t.trial_id(data_hash) not in done], root).exit_status


if __name__ == "__main__":
    sys.exit(main())
