"""What does the system around the trials cost? A sweep of 4 trials of about a minute each, through Ray.

Overhead is the part of the wall time, from typing the command to its end, in which a slot for a trial was neither
training, scoring, selecting nor evaluating: starting Ray, reading and sharing images, scheduling, committing,
printing and building the report. The same trials run in one process next to it, without Ray.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch.sweep_command import sweep
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.results import load_results
from dalbt_ray.strategies import get_strategy

PARTS = ["train_seconds", "auxiliary_seconds", "score_seconds", "select_seconds", "evaluate_seconds"]


def trials() -> list[Trial]:
    """4 equal trials, about a minute each on one core."""
    return [
        Trial(
            dataset="fashion_mini",
            strategy=get_strategy("margin"),
            objective=Joint(),
            budget=100,
            rounds=9,
            seed=seed,
            splits=SplitSettings(train_limit=None, initial_size=100, validation_size=1_000),
            training=Training(epochs=20, min_steps=250),
        )
        for seed in range(4)
    ]


def measure(folder: Path, *arguments: str) -> tuple[float, float]:
    """Wall seconds of the command, and seconds of work in all its trials together."""
    began = perf_counter()
    command = [sys.executable, __file__, "--run", str(folder), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = perf_counter() - began
    return wall, float(load_results(folder).timings[PARTS].sum().sum())


def report() -> None:
    """Both sides, one after the other, and the bar."""
    slots = min(4, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        wall, work = measure(Path(folder) / "ray")
        alone_wall, alone_work = measure(Path(folder) / "alone", "--in-process")
    overhead = 1 - work / slots / wall
    print(f"4 trials of {work / 4:.0f} s of work each, {slots} slots")
    print(f"Ray         wall {wall:6.1f} s, work {work:6.1f} s")
    print(
        f"in process  wall {alone_wall:6.1f} s, work {alone_work:6.1f} s, overhead {1 - alone_work / alone_wall:.1%}"
    )
    print(f"BAR sweep_overhead {overhead:.1%} 10% {'met' if overhead < 0.10 else 'short'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--run", metavar="DIR", help="only run the trials into DIR (used by the benchmark itself)"
    )
    known, rest = parser.parse_known_args()
    if known.run:
        sys.exit(sweep({"overhead": trials}, None, ["--results", known.run, *rest]))
    report()
