"""The command line of the commands on a pool; everything heavy is imported when a command runs."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dalbt_ray.query.querying import Asked

Say = Callable[[str], None]
Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_pool_commands(commands: Commands, say: Say) -> None:  # type: ignore[valid-type]
    """Add `query`, `ingest`, `rehearse`, `predict` and `status`.

    Args:
        commands: the subparsers of `dalbt`.
        say: prints a line.
    """
    query = _command(
        commands, "query", "which images of a folder to label next: a batch with a page to label it in"
    )
    query.add_argument("--budget", type=int, required=True, metavar="N", help="images to choose")
    for name, metavar, text in (
        ("labels", "FILE", "answers to take in first, as `dalbt ingest` does"),
        ("strategy", "NAME", "who chooses (default: what the studies recommend for so many labels)"),
        ("out", "DIR", "where the batch is written (default: batch_001 and so on)"),
        ("classes", "A,B,C", "the classes, in the order of their keys on the page"),
    ):
        query.add_argument(f"--{name}", metavar=metavar, help=text)
    query.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the strategy"
    )
    query.add_argument(
        "--explore",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share drawn at random, to measure accuracy (0.1)",
    )
    query.add_argument("--plan", action="store_true", help="say how long embedding will take, and do nothing")
    _model_options(query)
    _address(query)
    query.set_defaults(run=lambda arguments: _query(arguments, say))

    ingest = _command(commands, "ingest", "take answers in: all of a file, or nothing")
    ingest.add_argument(
        "answers",
        metavar="ANSWERS",
        nargs="+",
        help="answers.json, CSV (path,label), or Label Studio's export",
    )
    ingest.add_argument("--replace", action="store_true", help="new answers replace earlier ones that differ")
    ingest.add_argument("--add-classes", action="store_true", help="unknown labels become classes")
    ingest.set_defaults(run=lambda arguments: _ingest(arguments, say))

    rehearse = _command(
        commands, "rehearse", "does the rule beat random on your labels: a sweep, a sentence, a plot"
    )
    rehearse.add_argument(
        "--strategy", metavar="NAME", default="", help="the rule (default: the recommended one)"
    )
    rehearse.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the strategy"
    )
    rehearse.add_argument(
        "--out", metavar="DIR", default="rehearsal", help="where plot and results go (rehearsal)"
    )
    _model_options(rehearse)
    rehearse.set_defaults(run=lambda arguments: _rehearse(arguments, say))

    predict = _command(commands, "predict", "the class of every image, by a head of all answers")
    predict.add_argument("--out", required=True, metavar="FILE", help="predictions.parquet or .csv")
    predict.add_argument("--head", metavar="DIR", help="export the head too, as safetensors and a card")
    _model_options(predict)
    _address(predict)
    predict.set_defaults(run=lambda arguments: _predict(arguments, say))

    status = _command(commands, "status", "what is labeled, how good it is, what cannot be used")
    status.set_defaults(run=lambda arguments: _status(arguments, say))


def _command(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:  # type: ignore[valid-type]
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)  # type: ignore[attr-defined]
    parser.add_argument("pool", metavar="POOL", help="a folder of images, a Parquet file, or a list of paths")
    parser.add_argument("--state", metavar="DIR", help="the state folder (default: .dalbt in the pool)")
    return parser


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="efficientnet_lite0",
        metavar="NAME",
        help="frozen model (efficientnet_lite0); docs/frozen.md",
    )
    parser.add_argument(
        "--weights", default="", metavar="FILE", help="its weights, where no package has them"
    )
    parser.add_argument(
        "--side", type=int, default=0, metavar="PIXELS", help="size of images (default: the model's)"
    )


def _address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--address",
        metavar="ADDR",
        help='embed on Ray: "auto" or HOST:PORT of a running cluster whose nodes share pool and state, "local" for one '
        "of our own (default: in this process)",
    )


def _query(arguments: argparse.Namespace, say: Say) -> int:
    from dalbt_ray.query.querying import planned, query

    asked = _asked(arguments)
    say(planned(asked) if arguments.plan else query(asked, say))
    return 0


def _asked(arguments: argparse.Namespace) -> "Asked":
    from dalbt_ray.query.querying import Asked

    classes = tuple(name.strip() for name in arguments.classes.split(",")) if arguments.classes else ()
    return Asked(
        pool=arguments.pool, budget=arguments.budget, labels=arguments.labels, strategy=arguments.strategy or "",
        options=tuple(arguments.set), out=arguments.out, explore=arguments.explore, state=arguments.state,
        classes=classes, model=arguments.model, weights=arguments.weights, side=arguments.side,
        address=arguments.address,
    )  # fmt: skip


def _ingest(arguments: argparse.Namespace, say: Say) -> int:
    from dalbt_ray.query.ingesting import ingest
    from dalbt_ray.query.session import Session

    session = Session.of(arguments.pool, arguments.state)
    session.require_state()
    with session.state.lease():
        files = session.files()
        for file in arguments.answers:
            taken = ingest(
                session.state, files, Path(file), replace=arguments.replace, add_classes=arguments.add_classes
            )
            say(str(taken))
    return 0


def _status(arguments: argparse.Namespace, say: Say) -> int:
    from dalbt_ray.query.pool_status import status
    from dalbt_ray.query.session import Session

    say(status(Session.of(arguments.pool, arguments.state)))
    return 0


def _rehearse(arguments: argparse.Namespace, say: Say) -> int:
    from dalbt_ray.query.rehearsing import ToRehearse, run_rehearsal

    asked = ToRehearse(
        pool=arguments.pool, strategy=arguments.strategy, options=tuple(arguments.set), out=arguments.out,
        state=arguments.state, model=arguments.model, weights=arguments.weights, side=arguments.side,
    )  # fmt: skip
    say(run_rehearsal(asked, say))
    return 0


def _predict(arguments: argparse.Namespace, say: Say) -> int:
    from dalbt_ray.query.predicting import ToPredict, predict

    asked = ToPredict(
        pool=arguments.pool, out=arguments.out, head=arguments.head, state=arguments.state, model=arguments.model,
        weights=arguments.weights, side=arguments.side, address=arguments.address,
    )  # fmt: skip
    say(predict(asked, say))
    return 0
