"""Does `make quick` end in time, and are its curves those of networks that were trained to the end?

Runs `python sweeps/paper_grid.py --preset quick` into an empty folder, as a newcomer does, and reads what it left:

- seconds from the command to its end;
- labeled images that the worst network of all rounds fits;
- random (supervised) in the pool without OOD images, mean over seeds: the smallest step from one number of labels to
  the next, and the accuracy at the last.

    python benchmarks/quick.py
    python benchmarks/quick.py --results results/quick    # of an earlier run, without the seconds
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from dalbt_ray.results import load_results

SWEEP = Path(__file__).parents[1] / "sweeps" / "paper_grid.py"


def main() -> None:
    """Run, read, and print one line per bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--results", type=Path, help="read these instead of running anything")
    given = parser.parse_args().results
    if given is not None:
        judge(given)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(SWEEP), "--preset", "quick", "--results", folder, "--address", "local"]
        began = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = perf_counter() - began
        bar("quick_seconds", f"{seconds:.0f} s", "<= 240", seconds <= 240)
        judge(Path(folder))


def judge(results: Path) -> None:
    """The bars on what the sweep found."""
    rounds = load_results(results).rounds
    fits = float(rounds["train_accuracy"].min())
    print(
        f"{rounds['trial_id'].nunique()} trials, {len(rounds)} rounds, {int(rounds['converged'].sum())} converged"
    )
    bar("quick_least_training_accuracy", f"{100 * fits:.1f} %", ">= 98", fits >= 0.98)
    random = rounds[
        (rounds["strategy"] == "random") & (rounds["objective"] == "supervised") & (rounds["ood"] == "")
    ]
    curve = random.groupby("n_labeled")["test_accuracy"].mean()
    print(
        "random (supervised): "
        + ", ".join(f"{100 * value:.1f} % at {labels}" for labels, value in curve.items())
    )
    least, last = float(curve.diff().min()), float(curve.iloc[-1])
    bar("quick_least_step_of_random", f"{100 * least:+.1f} points", "> 0", least > 0)
    bar("quick_random_at_the_end", f"{100 * last:.1f} %", ">= 76", last >= 0.76)


def bar(name: str, measured: str, wanted: str, met: bool) -> None:
    """One line that a machine can read."""
    print(f"BAR {name} {measured} {wanted} {'met' if met else 'short'}", flush=True)


if __name__ == "__main__":
    main()
