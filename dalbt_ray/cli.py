"""The `dalbt` command: data, verify, report, track, rerun, export, compare, compact; query and what follows it.

Sweeps have commands of their own.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from signal import SIGPIPE
from typing import TypeAlias

from dalbt_ray.errors import InputError, printable
from dalbt_ray.launch.command_line import DATA_ROOT, data_root_argument, output_is_closed, run_command
from dalbt_ray.query.commands import add_pool_commands

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

RESULTS = "a results folder or URI, as in results/quick"


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `dalbt`."""
    return run_command(lambda: _dispatch(argv))


def _dispatch(argv: Sequence[str] | None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except BrokenPipeError:
        if not output_is_closed():
            raise
        return 128 + SIGPIPE
    return status


def _say(told: object) -> None:
    print(printable(str(told)), flush=True)


def _data_list(arguments: argparse.Namespace) -> int:
    from dalbt_ray.data.prepare.listing import data_list

    _say(data_list(data_root_argument(arguments.data_root)))
    return 0


def _data_prepare(arguments: argparse.Namespace) -> int:
    from dalbt_ray.data.prepare.folder_options import FolderOptions
    from dalbt_ray.data.prepare.listing import data_prepare

    options = FolderOptions(
        size=arguments.size,
        test_share=arguments.test_share,
        test_seed=arguments.test_seed,
        skip_bad=arguments.skip_bad,
        licence=arguments.licence,
    )
    _say(data_prepare(arguments.set, arguments.name, data_root_argument(arguments.data_root), options))
    return 0


def _data_verify(arguments: argparse.Namespace) -> int:
    from dalbt_ray.data.prepare.verifying import data_verify

    root = data_root_argument(arguments.data_root)
    told, intact = data_verify(arguments.set, root, seal=arguments.seal)
    _say(told)
    return 0 if intact else 1


def _verify(arguments: argparse.Namespace) -> int:
    from dalbt_ray.results import verify
    from dalbt_ray.trial.manifest import identify

    report = verify(arguments.results, identify)
    _say(report)
    return 0 if report.whole else 1


def _report(arguments: argparse.Namespace) -> int:
    root = data_root_argument(arguments.data_root)
    if arguments.follow:
        from dalbt_ray.report.follow import follow_report

        for line in follow_report(arguments.results, arguments.out, data_root=root):
            _say(line)
        return 0
    from dalbt_ray.report.in_store import report_on
    from dalbt_ray.report.study import read_study

    _say(report_on(read_study(arguments.results), arguments.results, arguments.out, data_root=root))
    return 0


def _track(arguments: argparse.Namespace) -> int:
    from dalbt_ray.launch.track_finished import track_finished

    root = data_root_argument(arguments.data_root)
    trials = track_finished(arguments.results, arguments.tracker, root)
    print(f"{trials} trials and the report are copied to {arguments.tracker}")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from dalbt_ray.report.compare import compare

    _say(compare(arguments.results_a, arguments.results_b))
    return 0


def _compact(arguments: argparse.Namespace) -> int:
    from dalbt_ray.results import compact, gather
    from dalbt_ray.results.joined_folders import Gathered

    first, *others = arguments.results
    if arguments.out is not None:
        _say(f"{arguments.out}/bundle has {gather(arguments.results, arguments.out)}")
        return 0
    if others:
        remedy = "name a new folder for the trials of all"
        raise InputError("out", None, "is missing", remedy=remedy)
    _say(f"{first}/bundle has {Gathered(compact(first))}")
    return 0


def _rerun(arguments: argparse.Namespace) -> int:
    from dalbt_ray.launch.rerun import rerun

    root = data_root_argument(arguments.data_root)
    repeated = rerun(arguments.results, arguments.trial_id, root, arguments.sweep_file)
    _say(repeated)
    return 1 if repeated.differences else 0


def _export(arguments: argparse.Namespace) -> int:
    from dalbt_ray.launch.best_trial import best_trial
    from dalbt_ray.launch.export import export_model

    if arguments.trial_id and arguments.best:
        raise InputError("best", " ".join(arguments.best), "chooses a trial, and one is named already")
    root = data_root_argument(arguments.data_root)
    trial_id = arguments.trial_id or best_trial(arguments.results, arguments.best)
    _say(export_model(arguments.results, trial_id, Path(arguments.out), root, arguments.sweep_file))
    return 0


def _command(parent: Subparsers, name: str, text: str) -> argparse.ArgumentParser:
    return parent.add_parser(name, help=text, description=text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dalbt", description=__doc__)
    parser.add_argument("--version", action="version", version=f"dalbt-ray {version('dalbt-ray')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = _command(commands, "data", "which data sets are there; download or convert one")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    listing = _command(actions, "list", "what is there, how many images, license, hash")
    prepare = _command(actions, "prepare", "download a set by name, or convert a folder of images")
    prepare.add_argument(
        "set", metavar="NAME_OR_FOLDER", help="mnist and so on, or a folder of images with labels"
    )
    for name, kind, metavar, default, text in (
        ("name", str, "NAME", "", "name of the new set (default: the folder's)"),
        ("size", int, "PIXELS", None, "resize every image to this square, 8 to 256 pixels a side"),
        ("test-share", float, "SHARE", 0.2, "set aside for tests if the folder has no test split (0.2)"),
        ("test-seed", int, "SEED", 0, "which images those are (0)"),
        ("licence", str, "TEXT", "", "recorded with the set"),
    ):
        prepare.add_argument(f"--{name}", type=kind, metavar=metavar, default=default, help=text)
    prepare.add_argument("--skip-bad", action="store_true", help="leave out images that cannot be used")
    sealed = _command(actions, "verify", "is each set what it was when it was prepared")
    sealed.add_argument("set", metavar="NAME", nargs="?", default="", help="only this one")
    sealed.add_argument("--seal", action="store_true", help="seal what has none; a named set in any case")
    for action, run in ((listing, _data_list), (prepare, _data_prepare), (sealed, _data_verify)):
        action.add_argument("--data-root", metavar="DIR", help=DATA_ROOT)
        action.set_defaults(run=run)

    for name, run, text in (
        ("verify", _verify, "hash every result file again; damaged trials go to quarantine and are redone"),
        ("report", _report, "build report/index.html, figures and tables"),
    ):
        command = _command(commands, name, text)
        command.add_argument("results", metavar="DIR", help=RESULTS)
        command.set_defaults(run=run)
        if name == "report":
            command.add_argument(
                "--out", metavar="DIR", help="where to write (default: DIR/report, in an object store too)"
            )
            command.add_argument(
                "--data-root",
                metavar="DIR",
                help="for pictures of what was acquired (default: $DALBT_DATA, else ~/.cache/dalbt-ray)",
            )
            command.add_argument(
                "--follow",
                action="store_true",
                help="write it again as rounds come, until the sweep is through",
            )

    gathered = _command(commands, "compact", "gather the finished trials in one bundle of a few files")
    gathered.add_argument("results", metavar="DIR", nargs="+", help=f"{RESULTS}; several of them with --out")
    gathered.add_argument(
        "--out", metavar="DIR", help="a new results folder that gets the bundle and nothing else"
    )
    gathered.set_defaults(run=_compact)

    again = _command(commands, "rerun", "repeat a finished trial from its manifest and compare bit for bit")
    again.add_argument("results", metavar="DIR", help=RESULTS)
    again.add_argument("trial_id", metavar="ID", help="a trial_id of load_results(DIR).trials")
    again.set_defaults(run=_rerun)

    export = _command(commands, "export", "a finished trial's model as safetensors and a JSON card")
    export.add_argument("results", metavar="DIR", help=RESULTS)
    export.add_argument(
        "trial_id",
        metavar="ID",
        nargs="?",
        help="a trial_id of load_results(DIR).trials (default: the best by validation accuracy)",
    )
    export.add_argument(
        "--best", metavar="FIELD=VALUE", nargs="+", default=[], help="the best of these: dataset=cifar10"
    )
    export.add_argument("--out", metavar="DIR", required=True, help="the folder that gets both files")
    export.set_defaults(run=_export)
    for command in (again, export):
        command.add_argument("--data-root", metavar="DIR", help=DATA_ROOT)
        command.add_argument(
            "--sweep-file", metavar="FILE", help="defines classes of your own that the trial uses"
        )

    tracked = _command(commands, "track", "copy finished trials and the report to a tracker")
    tracked.add_argument("results", metavar="DIR", help=RESULTS)
    tracked.add_argument("tracker", metavar="NAME", help="mlflow, tensorboard or wandb")
    tracked.add_argument("--data-root", metavar="DIR", help=DATA_ROOT)
    tracked.set_defaults(run=_track)

    comparison = _command(commands, "compare", "did a change of code or settings change any result")
    comparison.add_argument("results_a", metavar="DIR_A", help=RESULTS)
    comparison.add_argument("results_b", metavar="DIR_B", help="the same after the change")
    comparison.set_defaults(run=_compare)

    add_pool_commands(commands, _say)
    return parser


if __name__ == "__main__":
    sys.exit(main())
