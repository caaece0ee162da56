"""The arguments of a sweep file, and the trials that they choose."""

import argparse
from collections.abc import Callable, Mapping
from typing import get_args

from dalbt_ray.config import Objective, Trial
from dalbt_ray.errors import InputError
from dalbt_ray.launch.grid import with_objective, with_rounds, with_seeds, with_strategies
from dalbt_ray.launch.trackers import TRACKERS
from dalbt_ray.strategies import STRATEGIES

Presets = Mapping[str, Callable[[], list[Trial]]]


def choose_trials(presets: Presets, arguments: argparse.Namespace) -> list[Trial]:
    """The preset's trials, narrowed and widened as the arguments say.

    Raises:
        InputError: an unknown name, a number that is none, or nothing left.
    """
    if arguments.preset not in presets:
        raise InputError("preset", arguments.preset, "is not a preset", allowed=presets)
    trials = presets[arguments.preset]()
    if arguments.strategies is not None:
        trials = with_strategies(trials, _names(arguments.strategies))
    if arguments.objective is not None:
        if arguments.objective not in get_args(Objective):
            raise InputError(
                "objective", arguments.objective, "is not an objective", allowed=get_args(Objective)
            )
        trials = with_objective(trials, arguments.objective)
    if arguments.seeds is not None:
        trials = with_seeds(trials, _seeds(arguments.seeds))
    if arguments.max_rounds is not None:
        trials = with_rounds(trials, arguments.max_rounds)
    if not trials:
        raise InputError(
            "preset", arguments.preset, "has no trial left", remedy="widen --strategies or --seeds"
        )
    return trials


def sweep_parser(presets: Presets, description: str | None) -> argparse.ArgumentParser:
    """The command line that every sweep file has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    first = next(iter(presets))
    parser.add_argument(
        "--preset", default=first, metavar="NAME", help=f"{', '.join(presets)} (default: {first})"
    )
    parser.add_argument("--results", metavar="DIR", help="results folder or URI (default: results/PRESET)")
    parser.add_argument("--data-root", metavar="DIR", help="folder of data sets (default: $DALBT_DATA)")
    parser.add_argument("--seeds", metavar="0,1,2", help="seeds instead of the preset's")
    parser.add_argument("--strategies", metavar="A,B", help=f"only these, out of: {', '.join(STRATEGIES)}")
    parser.add_argument("--objective", metavar="NAME", help="joint or supervised, for every trial")
    parser.add_argument("--max-rounds", type=int, metavar="N", help="at most N queries a trial")
    parser.add_argument(
        "--plan", action="store_true", help="print what would be done and its cost; run nothing"
    )
    parser.add_argument(
        "--track", metavar="NAME", help=f"copy committed rounds to a tracker: {', '.join(TRACKERS)}"
    )
    ray = parser.add_argument_group("Ray")
    ray.add_argument(
        "--address",
        metavar="ADDR",
        help='"auto" or HOST:PORT of a running cluster, "local" for one of our own (default: the one that `ray start` '
        "began here, else our own)",
    )
    ray.add_argument(
        "--workers-per-trial", type=int, default=1, metavar="N", help="train each trial on N devices"
    )
    ray.add_argument("--cpus-per-trial", type=float, metavar="X", help="CPUs of each worker")
    ray.add_argument("--gpus-per-trial", type=float, metavar="X", help="GPUs of each worker; 0.25 packs four")
    ray.add_argument("--max-concurrent", type=int, metavar="N", help="trials at once, at most")
    ray.add_argument(
        "--trial-timeout", type=float, metavar="S", help="seconds after which a trial is given up"
    )
    ray.add_argument(
        "--dashboard", action="store_true", help="Ray's dashboard, on loopback; needs ray[default]"
    )
    ray.add_argument("--in-process", action="store_true", help="one trial after the other, without Ray")
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _seeds(text: str) -> list[int]:
    seeds = []
    for part in text.split(","):
        if not part.strip().isdecimal():
            raise InputError(
                "seeds", text, f"holds {part.strip()!r}", remedy="whole numbers, as in --seeds 0,1,2"
            )
        seeds.append(int(part))
    if len(set(seeds)) < len(seeds):
        raise InputError("seeds", text, "names a seed twice", remedy="name each once")
    return seeds
