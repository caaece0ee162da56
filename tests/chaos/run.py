"""Hurt real sweeps at random for some minutes, and print what they survived.

    python tests/chaos/run.py --minutes 15 [--seed N] [--faults a,b] [--cases N]

Each case is a sweep of its own: something happens to it, the same command runs again, and its tables are compared byte
for byte with those of an undisturbed run. Exit status 1 if anything was lost, changed, wedged, or ended in a traceback.
Root can mount file systems and so cuts the power of one; without root these cases are left out and named.
"""

import argparse
import random
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[2]))  # run as a script, from anywhere

from tests.chaos.arena import Arena
from tests.chaos.disk_faults import bits_flip, calls_fail, can_mount, disk_full, power_cut
from tests.chaos.process_faults import clock_jumps, driver_killed, driver_stopped, two_drivers
from tests.chaos.ray_faults import worker_killed
from tests.chaos.store_faults import requests_fail, store_away

FAULTS: dict[str, Callable[[Arena], None]] = {
    each.__name__: each
    for each in (
        driver_killed, driver_stopped, two_drivers, clock_jumps, calls_fail, disk_full, power_cut, bits_flip,
        requests_fail, store_away, worker_killed,
    )
}  # fmt: skip
NEED_ROOT = {"disk_full", "power_cut"}


@dataclass
class Line:
    """One line of the table: how many cases of a fault, how many survived, the worst time to the same end."""

    cases: int = 0
    survived: int = 0
    worst: float = 0.0
    broken: list[str] = field(default_factory=list)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="after which no case begins (5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", help=f"only these, out of: {', '.join(FAULTS)}")
    parser.add_argument("--cases", type=int, help="so many cases in all, whatever the time")
    arguments = parser.parse_args()
    names = arguments.faults.split(",") if arguments.faults else list(FAULTS)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        left_out = [] if can_mount(Path(folder)) else sorted(NEED_ROOT.intersection(names))
        names = [name for name in names if name not in left_out]
        arena = Arena(Path(folder), random.Random(arguments.seed))
        arena.prepare()
        lines = hurt(arena, names, monotonic() + 60 * arguments.minutes, arguments.cases)
    print(table(lines))
    print("injected: " + ", ".join(f"{count} x {name}" for name, count in sorted(arena.injected.items())))
    if left_out:
        print(f"left out, since nothing can be mounted here: {', '.join(left_out)}")
    for name, line in lines.items():
        for broken in line.broken:
            print(f"\n{name}:\n{broken}")
    return 1 if any(line.broken for line in lines.values()) else 0


def hurt(arena: Arena, names: list[str], until: float, cases: int | None) -> dict[str, Line]:
    """Each fault once, then again in another order, until the time is over, there were enough, or Ctrl+C."""
    lines = {name: Line() for name in names}
    done = 0
    order: list[str] = []
    while monotonic() < until if cases is None else done < cases:
        order = order or arena.rng.sample(names, len(names))
        line, name, began = lines[order[-1]], order.pop(), monotonic()
        try:
            FAULTS[name](arena)
            line.survived += 1
        except KeyboardInterrupt:
            break
        except Exception:
            line.broken.append(traceback.format_exc()[-3000:])
        line.cases += 1
        line.worst = max(line.worst, monotonic() - began)
        done += 1
        print(f"{name}: {monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return lines


def table(lines: dict[str, Line]) -> str:
    """As Markdown."""
    head = "| fault | cases | survived | worst case, s |\n|---|---|---|---|\n"
    return head + "\n".join(
        f"| {name} | {line.cases} | {line.survived} | {line.worst:.0f} |" for name, line in lines.items()
    )


if __name__ == "__main__":
    sys.exit(main())
