"""What does the system around the trials cost? A sweep of 4 trials of about a minute each, through Ray.

    python benchmarks/overhead.py [--first-only]

Overhead is the part of the wall time, from typing the command to its end, in which a slot for a trial was neither
training, scoring, selecting nor evaluating: starting Ray, reading and sharing images, scheduling, committing,
printing and building the report. A first trial of one round says how many steps make a round a tenth of a minute. The
same trials run in one process next to it, without Ray. The parts: until Ray is there, until the first trial begins,
between and after trials until the last is published, and from there to the end of the command, report included.

Before that, what a person waits for: the first line on a terminal, and the first round that `quick` commits.
"""

import argparse
import os
import pty
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch.sweep_command import sweep
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.results import load_results
from dalbt_ray.strategies import get_strategy

PARTS = ["train_seconds", "auxiliary_seconds", "score_seconds", "select_seconds", "evaluate_seconds"]
TRIALS, ROUNDS, MINUTE = 4, 9, 60.0
QUICK = [sys.executable, "sweeps/paper_grid.py", "--preset", "quick"]
HERE = Path(__file__).resolve().parent.parent


def trials() -> list[Trial]:
    """4 equal trials; their steps are chosen by `--set`."""
    return [
        Trial(
            dataset="fashion_mini",
            strategy=get_strategy("margin"),
            objective=Joint(),
            budget=100,
            rounds=ROUNDS,
            seed=seed,
            splits=SplitSettings(train_limit=None, initial_size=100, validation_size=1_000),
            training=Training(epochs=1, min_steps=250),
        )
        for seed in range(TRIALS)
    ]


@dataclass(frozen=True)
class Sweep:
    """One run of the command; all in seconds of wall time.

    Attributes:
        wall: from typing to the end.
        work: of all trials together, in the parts that are theirs.
        connected: until the first line of the run, which comes when Ray is there.
        published: until the last trial is.
    """

    wall: float
    work: float
    connected: float
    published: float


def measure(folder: Path, *arguments: str) -> Sweep:
    """Run the command and note when its lines come."""
    began = perf_counter()
    command = [sys.executable, "-u", __file__, "--run", str(folder), *arguments]
    connected = published = 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("running "):
                connected = perf_counter() - began
            elif line.startswith("["):
                published = perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    wall = perf_counter() - began
    return Sweep(wall, float(load_results(folder).timings[PARTS].sum().sum()), connected, published)


def steps_of_a_round(folder: Path) -> int:
    """Steps after which a trial of ten rounds takes a minute on this machine, here and now."""
    measure(folder, "--in-process", "--seeds", "0", "--max-rounds", "1")
    last = load_results(folder).timings.iloc[-1]
    steps = float(load_results(folder).rounds["steps"].iloc[-1])
    rest = float(last[PARTS].sum() - last["train_seconds"])
    return max(1, int((MINUTE / (ROUNDS + 1) - rest) / last["train_seconds"] * steps))


def first_line() -> float:
    """Seconds until a terminal shows anything of a sweep file."""
    ours, theirs = pty.openpty()
    began = perf_counter()
    with subprocess.Popen([*QUICK, "--plan"], cwd=HERE, stdout=theirs, stderr=theirs, start_new_session=True):
        os.read(ours, 1)
        seconds = perf_counter() - began
        while os.read(ours, 10_000).find(b"trials") < 0:  # read on, or the command waits for us
            pass
    return seconds


def first_round(folder: Path) -> float:
    """Seconds until `quick` has committed a round; then it is interrupted."""
    began = perf_counter()
    with subprocess.Popen([*QUICK, "--results", str(folder)], cwd=HERE, stdout=subprocess.DEVNULL) as process:
        while not any((folder / "progress").glob("*/*")) and process.poll() is None:
            sleep(0.05)
        seconds = perf_counter() - began
        process.send_signal(signal.SIGINT)
    return seconds


def bar(name: str, measured: float, limit: float, form: str) -> None:
    """One line that a machine can read."""
    print(f"BAR {name} {measured:{form}} {limit:{form}} {'met' if measured < limit else 'short'}", flush=True)


def report(*, first_only: bool) -> None:
    """What a person waits for; then both sides, one after the other, and the bars."""
    slots = min(TRIALS, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bar("first_line_seconds", first_line(), 1, ".2f")
        bar("first_round_of_quick_seconds", first_round(folder / "quick"), 20, ".1f")
        if first_only:
            return
        steps = ["--set", f"training.min_steps={steps_of_a_round(folder / 'steps')}"]
        ray = measure(folder / "ray", *steps)
        alone = measure(folder / "alone", "--in-process", *steps)
    print(f"{TRIALS} trials of {alone.work / TRIALS:.0f} s of work each alone, {slots} slots")
    for title, each, places in (("Ray", ray, slots), ("in process", alone, 1)):
        lost = each.wall - each.work / places
        print(
            f"{title:10}  wall {each.wall:6.1f} s, work {each.work:6.1f} s, lost {lost:.1f} s, {lost / each.wall:.1%}"
        )
    lost = ray.wall - ray.work / slots
    between = ray.published - ray.connected - ray.work / slots
    print(
        f"of Ray's: {ray.connected:.1f} s until it is there, {between:.1f} s of starting, between and waiting for "
        f"trials, {ray.wall - ray.published:.1f} s from the last trial to the end"
    )
    bar("sweep_overhead_percent", 100 * lost / ray.wall, 8, ".1f")
    bar("sweep_overhead_seconds", lost, 20, ".1f")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", metavar="DIR", help="only run the trials into DIR (used by the benchmark itself)"
    )
    parser.add_argument("--first-only", action="store_true", help="only what a person waits for at the start")
    known, rest = parser.parse_known_args()
    if known.run:
        sys.exit(sweep({"overhead": trials}, None, ["--results", known.run, *rest]))
    report(first_only=known.first_only)
