"""How long does a wrong command take to be refused, after the imports?

Command lines of a sweep and of `dalbt`, each with one thing wrong: options, fields of the trial, paths, data, results,
addresses. Each runs in a fork of this process, which has made the imports of a sweep file, of `dalbt` and of Ray; what
a command imports beyond that counts. Its status has to be 2, without a traceback. The seconds are those of the wall. An
address from which no answer comes at all has a bar of its own, ten seconds.
"""

import argparse
import contextlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dalbt_ray.cluster.run  # noqa: F401
from dalbt_ray.cli import main as dalbt
from dalbt_ray.data.sources import EMBEDDED_ROOT
from dalbt_ray.launch.sweep_command import sweep
from sweeps.paper_grid import PRESETS

SECONDS = 2.0

SWEEPS = [
    ["--preset", "quik"],
    ["--strategies", "dalbt,marginn"],
    ["--strategies", "dalbt,,random"],
    ["--objective", "jont"],
    ["--seeds", "0,one"],
    ["--seeds", "4-0"],
    ["--seeds", "0-99999999999"],
    ["--seeds", "9" * 5_000],
    ["--max-rounds", "-2"],
    ["--max-rounds", "many"],
    ["--nonesuch"],
    ["--in-process", "--address", "auto"],
    ["--in-process", "--workers-per-trial", "2"],
    ["--track", "foo"],
    ["--set", "training.epoch=5"],
    ["--set", "training.epochs=20.5"],
    ["--set", "training.epochs=" + "[" * 100_000],
    ["--set", "encoder=resnet"],
    ["--set", f"budget={10**20}"],
    ["--set", "splits.validation_size=0"],
    ["--set", "splits.initial_size=1000000"],
    ["--grid", "training.epochs=5,,6"],
    ["--dataset", "nonesuch"],
    ["--preset", "mnist", "--data-root", "EMPTY"],
    ["--data-root", "nowhere/at/all"],
    ["--data-root", "~nobody-of-that-name"],
    ["--data-root", "TRUNCATED"],
    ["--results", "s3://"],
    ["--results", "LOOP/r"],
    ["--results", "TRUNCATED"],
    ["--address", "127.0.0.1:NOBODY"],
    ["--address", "ray://127.0.0.1:10001"],
    ["--address", "127.0.0.1:http"],
    ["--cpus-per-trial", "-1"],
    ["--trial-timeout", "nan"],
    ["--max-concurrent", "0"],
]
COMMANDS = [
    ["data", "prepare", "nonesuch"],
    ["data", "prepare", "EMPTY"],
    ["data", "prepare", "EMPTY", "--size", "7"],
    ["data", "verify", "nonesuch"],
    ["verify", "EMPTY"],
    ["report", "EMPTY"],
    ["report", "nowhere"],
    ["compare", "EMPTY", "nowhere"],
    ["compact", "nowhere"],
    ["track", "nowhere", "mlflow"],
    ["rerun", "nowhere", "0123456789abcdef"],
    ["export", "nowhere", "0123456789abcdef", "--out", "model"],
    ["query", "nowhere", "--budget", "5"],
    ["query", "EMPTY", "--budget", "5"],
    ["query", "EMPTY"],
]  # fmt: skip


def main() -> None:
    """Every line, the slowest at the end."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        names = places(Path(folder))
        lines: list[tuple[str, list[str], Callable[[list[str]], int]]] = [
            *(
                ("sweep", line, lambda argv: sweep(PRESETS, None, ["--results", "r", *argv]))
                for line in SWEEPS
            ),
            *(("dalbt", line, dalbt) for line in COMMANDS),
        ]
        slowest, wrong = 0.0, 0
        for command, line, run in lines:
            argv = [replaced(word, names) for word in line]
            seconds, status, told = refused(run, argv)
            slowest, wrong = max(slowest, seconds), wrong + (status != 2 or "Traceback" in told)
            print(
                f"{seconds:5.2f} s  {status}  {' '.join([command, *line])[:60]:60}  {told[-90:]}", flush=True
            )
    print(f"{len(lines)} commands, {wrong} not refused")
    print(
        f"BAR slowest_refusal {slowest:.2f} s {SECONDS:g} s {'met' if slowest <= SECONDS and not wrong else 'short'}"
    )


def places(folder: Path) -> dict[str, str]:
    """What the capitals in the lines stand for."""
    (folder / "empty").mkdir()
    (folder / "loop").symlink_to(folder / "loop")
    truncated = folder / "truncated" / "fashion_mini"
    shutil.copytree(EMBEDDED_ROOT / "fashion_mini", truncated)
    (truncated / "train.parquet").write_bytes((truncated / "train.parquet").read_bytes()[:5_000])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return {
        "EMPTY": str(folder / "empty"),
        "LOOP": str(folder / "loop"),
        "TRUNCATED": str(folder / "truncated"),
        "NOBODY": str(port),
    }


def replaced(word: str, names: dict[str, str]) -> str:
    """With the places in it."""
    for name, place in names.items():
        word = word.replace(name, place)
    return word


def refused(run: Callable[[list[str]], int], argv: list[str]) -> tuple[float, int, str]:
    """Seconds, the exit status, and the last line that was printed."""
    printed = Path("printed")
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        status = 70
        with printed.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            try:
                status = run(argv)
            except SystemExit as end:
                status = int(end.code or 0)
            except BaseException as error:
                os.write(2, f"Traceback {error!r}".encode())
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seconds = time.perf_counter() - began
    return seconds, status, " ".join(printed.read_text(errors="replace").split("\n")[-2:]).strip()


if __name__ == "__main__":
    main()
