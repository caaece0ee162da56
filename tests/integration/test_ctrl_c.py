"""Ctrl+C and SIGTERM end a sweep soon, with nothing left behind, and the same command goes on."""

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.integration.sweeps import REPOSITORY, STARTS_RAY, command, committed_rounds
from tests.integration.waiting import wait_for

pytestmark = STARTS_RAY


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_sweep_and_its_processes(tmp_path: Path, number: signal.Signals) -> None:
    """Within ten seconds the driver is gone with status 130, and so is every process that it started."""
    driver = subprocess.Popen(
        command(tmp_path, rounds=50),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(lambda: committed_rounds(tmp_path) >= 1, seconds=120)
    family = psutil.Process(driver.pid).children(recursive=True)
    driver.send_signal(number)
    printed, _ = driver.communicate(timeout=10)
    assert driver.returncode == 130, printed
    assert "Traceback" not in printed
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
