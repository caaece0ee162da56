"""What cases of `tests/chaos` demand: all hangs that were asked for, and that nothing of a Ray is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.chaos.hanging import FOLDER, Hanging, hangs
from tests.chaos.on_ray import Sweeping, gone
from tests.oracle.pool_of_passes import pool_of


def pick(which: int) -> None:
    """A trial of it selects."""
    Hanging(which=which).pick(pool_of(np.full((4, 1, 2), 0.5)), np.arange(4), 1, np.random.default_rng(0))


def test_every_hang_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its process; one that is missing is named."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    for which in (2, 4):
        pick(which)
    assert sent == [(os.getpid(), signal.SIGSTOP)] * 2
    with pytest.raises(AssertionError, match=r"\[1, 3\] did not hang"):
        hangs(tmp_path, 4)
    for which in ("1", "3"):
        (tmp_path / which).write_text("17")
    assert {which: hang.pid for which, hang in hangs(tmp_path, 4).items()} == {
        1: 17,
        2: os.getpid(),
        3: 17,
        4: os.getpid(),
    }


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Sweeping]:
    """A process that waits for input, with a child that does; both are ended after the test."""
    waiting = "input()"
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {waiting!r}], stdin=subprocess.PIPE)\n"
        "print(flush=True)\n"
        f"{waiting}\n"
    )
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        sweeping = Sweeping(process, tmp_path / "printed")
        (child,) = sweeping.family()
        yield sweeping
        with suppress(psutil.NoSuchProcess):
            child.kill()
        sweeping.end()


def test_a_stopped_process_is_not_gone(driver: Sweeping) -> None:
    """It is stopped when `signaled` returns, outlives its parent, and counts as there until it has really ended."""
    (child,) = driver.family()
    found, _ = driver.signaled(child.name(), signal.SIGSTOP)
    assert (found, child.status()) == (child, psutil.STATUS_STOPPED)
    driver.process.kill()
    driver.process.wait()
    with pytest.raises(AssertionError, match="still there"):
        gone([child], seconds=0.1)
    child.kill()
    gone([child])
