"""Run a whole sweep whose system calls fail from some moment on, and the same command again. For test_failing_calls.py.

Usage: python -m tests.integration.failing_calls FOLDER CASES SEED. Prints JSON: what went wrong, case by case.
"""

import contextlib
import errno
import json
import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch.sweep_command import sweep
from dalbt_ray.results import verify
from dalbt_ray.strategies.random import Random
from tests.integration.crash_process import REAL

ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS)


def trials() -> list[Trial]:
    """Two trials of two rounds, a second each."""
    one = Trial(
        dataset="fashion_mini",
        strategy=Random(),
        rounds=1,
        budget=5,
        training=Training(epochs=1, min_steps=0),
        splits=SplitSettings(train_limit=200, initial_size=20, validation_size=20),
    )
    return [one, replace(one, seed=1)]


class Failing:
    """Calls that change the disk: from number `first` on each of them fails with `code`."""

    def __init__(self, first: int, code: int) -> None:
        self.first, self.code, self.count = first, code, 0

    def install(self) -> None:
        """Replace the calls."""
        for name in REAL:
            setattr(os, name, self.wrap(name))

    def wrap(self, name: str) -> Callable[..., object]:
        """One call. What only reads or removes still works, as on a full disk."""

        def call(*arguments: object, **options: object) -> object:
            reads = name in ("unlink", "rmdir") or (name == "open" and not int(arguments[1]) & os.O_CREAT)  # type: ignore[call-overload]
            if not reads:
                self.count += 1
                if self.count >= self.first:
                    raise OSError(self.code, os.strerror(self.code))
            return REAL[name](*arguments, **options)

        return call


def command(root: Path, failing: Failing) -> tuple[int, str, int]:
    """The sweep's command in a child: exit status, what it printed, and how many calls it made."""
    printed, counted = root.with_suffix(".printed"), root.with_suffix(".counted")
    child = os.fork()
    if child == 0:
        status = 70
        with (
            printed.open("w", buffering=1) as stream,
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
        ):
            os.dup2(stream.fileno(), 2)  # what a thread or the interpreter itself prints
            failing.install()
            try:
                status = sweep(trials, None, ["--in-process", "--results", str(root)])
            except BaseException as error:
                print("Traceback", type(error), error)
        counted.write_text(str(failing.count))
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, printed.read_text(), int(counted.read_text())


def tables(root: Path) -> dict[str, bytes]:
    """The files that must not depend on what failed."""
    return {path.name + path.parent.name: path.read_bytes() for path in root.glob("[rs]*s/*.parquet")}


def main(folder: Path, cases: int, seed: int) -> None:
    """Random moments, and the very first ones."""
    never = Failing(10**9, errno.ENOSPC)
    status, printed, calls = command(folder / "whole", never)
    assert status == 0, printed
    expected = tables(folder / "whole")
    rng, wrong = random.Random(seed), []
    for case in range(cases):
        first = case + 1 if case < 2 else rng.randrange(1, calls + 1)
        code = rng.choice(ERRORS)
        root = folder / f"{case}"
        what = f"{errno.errorcode[code]} from call {first} of {calls} on"
        status, printed, _ = command(root, Failing(first, code))
        if status not in (1, 2) or "Traceback" in printed or os.strerror(code) not in printed:
            wrong.append(f"{what}: status {status}, {printed[-1500:]}")
        status, printed, _ = command(root, never)
        if status != 0 or tables(root) != expected or verify(root).damaged:
            wrong.append(f"again after {what}: status {status}, {printed[-1500:]}")
    print(json.dumps({"calls": calls, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
