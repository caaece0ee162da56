"""Hurt real sweeps at random for some minutes, and print what they survived.

    python tests/chaos/run.py --minutes 15 [--seed N] [--faults a,b] [--cases N] [--record FILE]
    python tests/chaos/run.py --tally FILE...

Each case is a sweep of its own: something happens to it, the same command runs again, and its tables are compared byte
for byte with those of an undisturbed run. Exit status 1 if anything was lost, changed, wedged, or ended in a traceback.
Root can mount file systems and so cuts the power of one; without root these cases are left out and named.
"""

import argparse
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[2]))  # run as a script, from anywhere

from tests.chaos.arena import Arena
from tests.chaos.disk_faults import bits_flip, calls_fail, can_mount, disk_full, power_cut
from tests.chaos.fuzzed import configurations_fuzzed
from tests.chaos.hang_faults import head_hangs, raylet_hangs, tracker_hangs, workers_hang
from tests.chaos.node_faults import node_lost
from tests.chaos.on_ray import NotStarted
from tests.chaos.process_faults import clock_jumps, driver_killed, driver_stopped, two_drivers
from tests.chaos.ray_faults import (
    driver_on_ray_killed,
    group_worker_killed,
    head_killed,
    raylet_killed,
    worker_killed,
)
from tests.chaos.store_faults import requests_fail, store_away
from tests.chaos.tally import Case, read, table

FAULTS: dict[str, Callable[[Arena], None]] = {
    each.__name__: each
    for each in (
        driver_killed, driver_stopped, two_drivers, clock_jumps, calls_fail, disk_full, power_cut, bits_flip,
        requests_fail, store_away, worker_killed, group_worker_killed, raylet_killed, head_killed, driver_on_ray_killed,
        node_lost, workers_hang, raylet_hangs, head_hangs, tracker_hangs, configurations_fuzzed,
    )
}  # fmt: skip
NEED_ROOT = {"disk_full", "power_cut"}
OWN_SWEEP = {
    "worker_killed", "group_worker_killed", "raylet_killed", "head_killed", "driver_on_ray_killed",
    "node_lost", "workers_hang", "raylet_hangs", "head_hangs", "tracker_hangs", "configurations_fuzzed",
}  # fmt: skip
"""They need no undisturbed run of the sweep in process."""


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="after which no case begins (5)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", help=f"only these, out of: {', '.join(FAULTS)}")
    parser.add_argument("--cases", type=int, help="so many cases in all, whatever the time")
    parser.add_argument("--record", type=Path, metavar="FILE", help="append a line of JSON for each case")
    parser.add_argument(
        "--tally", type=Path, nargs="+", metavar="FILE", help="print the table of what was recorded"
    )
    arguments = parser.parse_args()
    if arguments.tally:
        print(table(read(arguments.tally)))
        return 0
    names = arguments.faults.split(",") if arguments.faults else list(FAULTS)
    if unknown := [name for name in names if name not in FAULTS]:
        parser.error(f"--faults: {unknown[0]!r} is none of {', '.join(FAULTS)}")
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        left_out = [] if can_mount(Path(folder)) else sorted(NEED_ROOT.intersection(names))
        names = [name for name in names if name not in left_out]
        arena = Arena(Path(folder), random.Random(arguments.seed))
        if not OWN_SWEEP.issuperset(names):
            arena.prepare()
        cases = []
        for case in hurt(arena, names, arguments):
            cases.append(case)
            print(f"{case.fault}: {case.seconds:.0f} s, {case.injected}", file=sys.stderr, flush=True)
            if arguments.record:
                case.append_to(arguments.record)
    print(table(cases))
    if left_out:
        print(f"left out, since nothing can be mounted here: {', '.join(left_out)}")
    for case in cases:
        if case.broken:
            print(f"\n{case.fault}:\n{case.broken}")
    return 1 if any(case.broken for case in cases) else 0


def hurt(arena: Arena, names: list[str], arguments: argparse.Namespace) -> Iterator[Case]:
    """Each fault once, then again in another order, until the time is over, there were enough, or Ctrl+C."""
    until, done = monotonic() + 60 * arguments.minutes, 0
    order: list[str] = []
    while names and (monotonic() < until if arguments.cases is None else done < arguments.cases):
        order = order or arena.rng.sample(names, len(names))
        name, began, broken = order.pop(), monotonic(), ""
        arena.injected, arena.told = {}, {}
        try:
            FAULTS[name](arena)
        except KeyboardInterrupt:
            return
        except NotStarted:
            print(f"{name}: this machine is too busy for Ray to start", file=sys.stderr, flush=True)
            continue
        except Exception:
            broken = traceback.format_exc()[-3000:]
        yield Case(name, arguments.seed, monotonic() - began, arena.injected, arena.told, broken)
        done += 1


if __name__ == "__main__":
    sys.exit(main())
