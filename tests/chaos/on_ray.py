"""A sweep's own command on Ray, in a process of its own, and what Ray starts below it.

Usage: python -m tests.chaos.on_ray ARGUMENTS OF A SWEEP FILE. $CHAOS_FAILURES: how often a trial may fail, which the
command line does not offer: 1 by default.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from threading import Event
from time import time

import psutil

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.config import Training, Trial
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch import sweep_command
from dalbt_ray.strategies.random import Random
from tests.chaos.arena import Arena, committed, tables
from tests.chaos.hanging import Hanging
from tests.integration.sweeps import REPOSITORY
from tests.integration.waiting import wait_for

_PAUSE = Event()

LIMIT_S = 900.0
"""Seconds after which a driver that has not ended counts as hung: on a busy machine Ray takes a minute to start."""

FAILURES = "CHAOS_FAILURES"


def trials(number: int = 6) -> list[Trial]:
    """Trials of nine rounds, a second or so a round; they can be made to hang."""
    one = Trial(
        dataset="fashion_mini",
        strategy=Random(),
        rounds=8,
        budget=5,
        training=Training(epochs=1, min_steps=20),
        splits=SplitSettings(train_limit=1_000, initial_size=20, validation_size=20),
    )
    # From 1: a label leaves out what is default.
    return [replace(one, strategy=Hanging(which=which), seed=which) for which in range(1, number + 1)]


PRESETS = {"six": trials, "twelve": partial(trials, 12)}


class NotStarted(Exception):  # noqa: N818
    """The machine is too busy for Ray, which gives its raylet half a minute; nothing was injected."""


@dataclass(frozen=True)
class Sweeping:
    """A driver that runs.

    Attributes:
        process: the driver.
        printed: the file that holds what it prints.
    """

    process: subprocess.Popen[bytes]
    printed: Path

    @classmethod
    def start(cls, root: Path, *arguments: str, **environment: str) -> "Sweeping":
        """Start it; on a Ray of its own unless the arguments say otherwise."""
        root.parent.mkdir(parents=True, exist_ok=True)
        printed = root.parent / f"{len(list(root.parent.glob('*.printed')))}.printed"
        where = () if {"--in-process", "--address"} & set(arguments) else ("--address", "local")
        with printed.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.on_ray", "--results", str(root), *where, *arguments],
                cwd=REPOSITORY,
                env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return cls(process, printed)

    def __enter__(self) -> "Sweeping":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.printed.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """What runs below it."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def after_a_round(self, arena: Arena, root: Path) -> None:
        """Wait until a round is committed in `root`, and up to two seconds more."""
        self.until(lambda: committed(root) > 0)
        _PAUSE.wait(arena.rng.uniform(0, 2))

    def signaled(self, name: str, number: int) -> tuple[psutil.Process, float]:
        """Send a signal to the raylet or the head of its Ray; that process, and when, as of `time()`."""
        process = next(each for each in self.family() if each.name() == name)
        process.send_signal(number)
        since = time()
        if number == signal.SIGSTOP:
            wait_for(lambda: process.status() == psutil.STATUS_STOPPED, 10)
        return process, since

    def at_work(self, title: str = "ray::") -> list[psutil.Process]:
        """Processes of trials."""
        found = []
        for each in self.family():
            with suppress(psutil.Error):
                command = " ".join(each.cmdline())
                if command.startswith(title) and "IDLE" not in command:
                    found.append(each)
        return found

    def until(self, happened: Callable[[], bool], seconds: float = LIMIT_S) -> None:
        """Wait until something has happened, or the driver has ended."""
        wait_for(lambda: happened() or self.process.poll() is not None, seconds)
        self.started()
        assert happened(), self.text[-3000:]

    def tells(self, text: str, since: float, seconds: float) -> float:
        """Wait until it says `text`; seconds from `since`, of `time()`, until then."""
        try:
            wait_for(lambda: text in self.text, seconds)
        except TimeoutError:
            raise AssertionError(f"{text!r} was not said in {seconds:g} s: {self.text[-3000:]}") from None
        return max(0.0, time() - since)

    def status(self, seconds: float = LIMIT_S) -> int:
        """Its exit status; no traceback among what it has printed.

        Raises:
            TimeoutError: it hangs.
        """
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the driver has not ended: {self.text[-3000:]}") from None
        self.started()
        assert "Traceback" not in self.text, self.text[-3000:]
        return status

    def started(self) -> None:
        """Raises `NotStarted` if its Ray did not."""
        if "Ray did not start on this machine" in self.text:
            raise NotStarted

    def end(self) -> None:
        """Kill what is left of it."""
        family = self.family()
        for each in (self.process, *family):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                each.kill()
        self.process.wait()


def gone(processes: list[psutil.Process], seconds: float = 120.0) -> None:
    """Wait until all of them have ended; one that is stopped has not.

    Raises:
        AssertionError: one is still there after so many seconds.
    """
    try:
        wait_for(lambda: not any(_alive(each) for each in processes), seconds)
    except TimeoutError:
        raise AssertionError(f"still there: {[each for each in processes if _alive(each)]}") from None


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


_EXPECTED: dict[tuple[str, ...], dict[str, bytes]] = {}


def finish(arena: Arena, root: Path, *arguments: str) -> None:
    """The same command until it is through, compared with an undisturbed run.

    That runs in process, which gives the same bits; with worker groups, whose sums are in another order, on Ray.
    """
    whole = arguments if "--workers-per-trial" in arguments else ("--in-process", *size_of(arguments))
    if whole not in _EXPECTED:
        undisturbed = arena.folder / f"undisturbed{len(_EXPECTED)}" / "results"
        again(undisturbed, *whole)
        _EXPECTED[whole] = tables(undisturbed)
    again(root, *arguments)
    arena.compare(root, _EXPECTED[whole])


def size_of(arguments: tuple[str, ...]) -> list[str]:
    """Of the arguments, those on which the tables depend."""
    return [each for pair in pairwise(arguments) if pair[0] in ("--preset", "--max-rounds") for each in pair]


def again(root: Path, *arguments: str) -> None:
    """The command once more, to its end."""
    with Sweeping.start(root, *arguments) as driver:
        assert driver.status() == 0, driver.text[-3000:]


def main() -> int:
    """Entry point."""
    failures = int(os.environ.get(FAILURES, "1"))
    sweep_command.ClusterOptions = partial(ClusterOptions, max_failures=failures)  # type: ignore[misc, assignment]
    return sweep_command.sweep(PRESETS)


if __name__ == "__main__":
    sys.exit(main())
