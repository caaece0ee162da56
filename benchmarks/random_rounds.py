"""What does a round of `random` cost, against commit 722466f, which scored the whole pool for a rule that asks nothing?

    python benchmarks/random_rounds.py --data-root DIR

Both sides run the MNIST study's two trials of `random` under cross-entropy (`sweeps/mnist_paper.py`, seed 0: 100 labels
and 9 rounds of 100, 20 epochs, then at least 200 steps), in process, one side after the other. Measured is CPU time of
the command, less that of the same command again, which finds nothing to do: imports, plan and report of either side
are left out, decoding the images is not. The old side is checked out by `git archive` into a temporary folder and runs
on today's libraries. Beside it, the seconds in which a trial trained, scored the pool, and measured its network.
"""

import argparse
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from dalbt_ray.results import load_results

HERE = Path(__file__).resolve().parent.parent
BEFORE = "722466f"
BAR = 1.8
TRIALS = ["--strategies", "random", "--objective", "supervised", "--seeds", "0"]


def main() -> None:
    """Both sides, and the bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True, help="folder of data sets, with MNIST")
    parser.add_argument("--max-rounds", type=int, default=9, help="fewer, to try this script")
    arguments = parser.parse_args()
    trials = ["--data-root", str(arguments.data_root.resolve()), "--max-rounds", str(arguments.max_rounds)]
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        archive = ["git", "-C", str(HERE), "archive", BEFORE]
        with tarfile.open(
            fileobj=BytesIO(subprocess.run(archive, check=True, stdout=subprocess.PIPE).stdout)
        ) as tree:
            tree.extractall(before, filter="data")
        seconds = {
            name: _trials(source, Path(folder) / name, trials)
            for name, source in (("then", before), ("now", HERE))
        }
        for name, cpu in seconds.items():
            print(f"{name}: 2 trials of {arguments.max_rounds + 1} rounds, {cpu:.1f} s of CPU")
            print(
                "  "
                + ", ".join(f"{part} {spent:.1f} s" for part, spent in _parts(Path(folder) / name).items())
            )
    speedup = seconds["then"] / seconds["now"]
    print(f"BAR random_against_{BEFORE} {speedup:.2f}x {BAR}x {'met' if speedup >= BAR else 'short'}")


def _trials(source: Path, results: Path, trials: list[str]) -> float:
    """CPU seconds of the trials, run by the code in `source`."""
    command = [sys.executable, "sweeps/mnist_paper.py", *TRIALS, *trials, "--in-process"]
    seconds = []
    for _ in range(2):
        began = _cpu_of_children()
        subprocess.run(
            [*command, "--results", str(results)],
            cwd=source,
            env=os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds.append(_cpu_of_children() - began)
    return seconds[0] - seconds[1]


def _parts(results: Path) -> dict[str, float]:
    """Seconds of wall time by part, over both trials; today's code reads both sides' results."""
    timings = load_results(results).timings
    parts = ("train", "score", "evaluate", "total")
    return {part: float(timings[f"{part}_seconds"].sum()) for part in parts}


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
