"""The short form of `tests/chaos/run.py`: one case of what needs no root and no minutes."""

import subprocess
import sys

from tests.integration.sweeps import REPOSITORY


def test_a_sweep_survives_one_case_of_each() -> None:
    """Killed, stopped beyond its lease, on an S3 that fails."""
    faults = "driver_killed,driver_stopped,requests_fail"
    done = subprocess.run(
        [sys.executable, "tests/chaos/run.py", "--cases", "3", "--faults", faults],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" | 1 | 1 | ") == 3
