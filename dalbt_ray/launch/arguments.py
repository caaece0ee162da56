"""The arguments of a sweep file, and the trials that they choose."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dalbt_ray.config import Trial, known_classes
from dalbt_ray.errors import InputError, shortened
from dalbt_ray.launch.command_line import DATA_ROOT
from dalbt_ray.launch.grid import with_rounds, with_seeds, with_strategies
from dalbt_ray.launch.overrides import (
    Assignment,
    all_paths,
    joiner,
    override,
    parse_assignment,
    parse_grid,
    swept,
)
from dalbt_ray.launch.trackers import TRACKERS
from dalbt_ray.objectives import OBJECTIVES, Objective
from dalbt_ray.strategies import STRATEGIES

SEED = re.compile("[0-9]{1,19}")
"""What may be one; `Trial` says which are too large."""

MOST_SEEDS = 10_000

WITHOUT_OOD = "--set ood= --set splits.ood_count=0 --set splits.ood_share=0"

Presets = Mapping[str, Callable[[], list[Trial]]]


@dataclass(frozen=True)
class Chosen:
    """What the arguments choose.

    Attributes:
        trials: to run, at least one.
        notes: what to know of them, a sentence each.
    """

    trials: list[Trial]
    notes: list[str]


def choose_trials(presets: Presets, arguments: argparse.Namespace) -> Chosen:
    """The preset's trials, narrowed and widened as the arguments say.

    Raises:
        InputError: an unknown name or path, a value that is none, arguments that exclude each other, or nothing left.
    """
    refuse_contradictions(arguments)
    if arguments.preset not in presets:
        raise InputError("preset", arguments.preset, "is not a preset", allowed=presets)
    trials = presets[arguments.preset]()
    assignments = [parse_assignment("set", typed) for typed in arguments.set]
    classes = known_classes(trials)
    if arguments.objective is not None:
        objectives = classes[Objective]
        if arguments.objective not in objectives:
            raise InputError("objective", arguments.objective, "is not an objective", allowed=objectives)
        assignments.insert(0, Assignment("objective", arguments.objective))
    if arguments.strategies is not None:
        names = parse_names("strategies", arguments.strategies)
        trials = with_strategies(trials, names, joiner(assignments, classes))
    own = _on(trials, arguments.dataset)
    if own:
        trials = own
    elif arguments.dataset is not None:
        assignments.insert(0, Assignment("dataset", arguments.dataset))
    trials = override(trials, assignments, classes)
    trials = swept(trials, [parse_grid(typed) for typed in arguments.grid], classes)
    if arguments.seeds is not None:
        trials = with_seeds(trials, parse_seeds(arguments.seeds))
    if arguments.max_rounds is not None:
        trials = with_rounds(trials, arguments.max_rounds)
    if not trials:
        raise InputError(
            "preset", arguments.preset, "has no trial left", remedy="widen --strategies or --seeds"
        )
    return Chosen(trials, [] if own else _mixed_pool_notes(trials, arguments))


def _on(trials: Sequence[Trial], dataset: str | None) -> list[Trial]:
    return [trial for trial in trials if trial.dataset == dataset]


def _mixed_pool_notes(trials: Sequence[Trial], arguments: argparse.Namespace) -> list[str]:
    """What the preset mixes into the pool of a `--dataset` that it does not know, and how to do without; or nothing."""
    named = [typed.partition("=")[0].strip() for typed in (*arguments.set, *arguments.grid)]
    mixed = [trial for trial in trials if trial.ood]
    if arguments.dataset is None or "ood" in named or not mixed:
        return []
    sets = ", ".join(dict.fromkeys(trial.ood for trial in mixed))
    told = f"{len(mixed)} of {len(trials)} trials mix {sets} into the pool of {arguments.dataset}, as the preset does"
    return [f"{told}; without: {WITHOUT_OOD}"]


def refuse_contradictions(arguments: argparse.Namespace) -> None:
    """Refuse arguments that exclude each other, and a tracker that does not exist, before anything is read.

    Raises:
        InputError: names both.
    """
    if arguments.in_process and arguments.address not in (None, "local"):
        raise InputError(
            "address", arguments.address, "contradicts --in-process", remedy="leave one of them out"
        )
    if arguments.in_process and arguments.workers_per_trial > 1:
        raise InputError(
            "workers-per-trial", arguments.workers_per_trial, "needs Ray", remedy="leave --in-process out"
        )
    if arguments.track is not None and arguments.track not in TRACKERS:
        raise InputError("track", arguments.track, "is not a tracker", allowed=TRACKERS)
    if arguments.track is not None and arguments.plan:
        raise InputError(
            "track", arguments.track, "contradicts --plan, which runs nothing", remedy="leave one out"
        )


def sweep_parser(presets: Presets, description: str | None, results: str) -> argparse.ArgumentParser:
    """The command line that every sweep file has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    first = next(iter(presets))
    parser.add_argument(
        "--preset", default=first, metavar="NAME", help=f"{', '.join(presets)} (default: {first})"
    )
    parser.add_argument("--results", metavar="DIR", help=f"results folder or URI (default: {results}/PRESET)")
    parser.add_argument("--data-root", metavar="DIR", help=DATA_ROOT)
    parser.add_argument(
        "--plan", action="store_true", help="print what would be done and its cost; run nothing"
    )
    parser.add_argument(
        "--track", metavar="NAME", help=f"copy committed rounds to a tracker: {', '.join(TRACKERS)}"
    )
    parser.add_argument(
        "--redo-changed",
        action="store_true",
        help="run trials of your own classes again whose source has changed since; their results go to quarantine/",
    )
    trials = parser.add_argument_group("trials", "Any field of any part; docs/options.md lists them.")
    trials.add_argument(
        "--dataset",
        metavar="NAME",
        help="the preset's trials on this data set; one that it does not have takes the place of those that it has, "
        f"mixed with the preset's OOD sets too; without those: {WITHOUT_OOD}",
    )
    trials.add_argument("--seeds", metavar="0-4,7", help="seeds instead of the preset's")
    trials.add_argument("--strategies", metavar="A,B", help=f"only these, out of: {', '.join(STRATEGIES)}")
    trials.add_argument("--objective", metavar="NAME", help=f"for every trial: {', '.join(OBJECTIVES)}")
    trials.add_argument("--max-rounds", type=int, metavar="N", help="at most N queries a trial")
    trials.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="a field of every trial, as in training.epochs=5 or encoder=resnet18; repeatable",
    )
    trials.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="PATH=A,B,C",
        help="every trial with each value, as in strategy.policy=most_outlying,inlier_band; repeatable",
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
        "--dashboard", action="store_true", help="Ray's dashboard, on loopback; needs dalbt-ray[dashboard]"
    )
    ray.add_argument("--in-process", action="store_true", help="one trial after the other, without Ray")
    return parser


def parse_arguments(
    presets: Presets, description: str | None, results: str, argv: Sequence[str] | None
) -> argparse.Namespace:
    """What was typed after a sweep file's name.

    Raises:
        InputError: an argument that there is not, with the `--set` that was meant, or the preset.
    """
    arguments, unknown = sweep_parser(presets, description, results).parse_known_args(argv)
    if unknown:
        name = unknown[0].lstrip("-").partition("=")[0].replace("-", "_")
        paths = [path for path in all_paths(known_classes()) if name in (path, path.rpartition(".")[2])]
        remedy = "--help lists them"
        if unknown[0] in presets:
            remedy = f"a preset is named by --preset {unknown[0]}"
        elif paths and unknown[0].startswith("--"):
            remedy = (
                f"a field of the trials is set by --set {' or '.join(f'{path}=VALUE' for path in paths[:3])}"
            )
        raise InputError("arguments", unknown[0], "is no option", remedy=remedy)
    return arguments


def parse_names(option: str, text: str) -> list[str]:
    """`a,b` as a list.

    Raises:
        InputError: an empty name, or one named twice.
    """
    names = [name.strip() for name in text.split(",")]
    _refuse_repeats(option, text, names)
    return names


def parse_seeds(text: str) -> list[int]:
    """`0-4,7` as 0, 1, 2, 3, 4, 7.

    Raises:
        InputError: what is no whole number or range, or a seed named twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = [first, last if dash else first]
        if not all(SEED.fullmatch(end) for end in ends) or int(ends[0]) > int(ends[1]):
            remedy = "whole numbers below 2^63 and ranges, as in --seeds 0-4,7"
            raise InputError("seeds", text, f"holds {shortened(part.strip())}", remedy=remedy)
        if len(seeds) + int(ends[1]) - int(ends[0]) >= MOST_SEEDS:
            raise InputError("seeds", text, f"names more than {MOST_SEEDS:,} seeds", remedy="name fewer")
        seeds += range(int(ends[0]), int(ends[1]) + 1)
    _refuse_repeats("seeds", text, seeds)
    return seeds


def _refuse_repeats(option: str, text: str, found: Sequence[object]) -> None:
    for each in found:
        if each == "":
            raise InputError(option, text, "holds an empty name", remedy="one comma between two names")
        if found.count(each) > 1:
            raise InputError(option, text, f"names {each!r} twice", remedy="name each once")
