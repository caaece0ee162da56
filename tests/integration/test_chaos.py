"""The short form of `tests/chaos/run.py`: one case of what needs no root and no minutes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.sweeps import REPOSITORY

FAULTS = ("driver_killed", "driver_stopped", "requests_fail", "configurations_fuzzed")


def chaos(*arguments: str) -> str:
    """What the script prints; it has to be content."""
    done = subprocess.run(
        [sys.executable, "tests/chaos/run.py", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_a_sweep_survives_one_case_of_each(tmp_path: Path) -> None:
    """Killed, stopped beyond its lease, on an S3 that fails, with wrong arguments; what was recorded is the table."""
    record = tmp_path / "cases.jsonl"
    table = chaos("--cases", str(len(FAULTS)), "--faults", ",".join(FAULTS), "--record", str(record))
    for fault in FAULTS:
        assert re.search(rf"^\| `{fault}` \| 1 \| [1-9].* \| 1 \| \d+ \|$", table, re.MULTILINE), table
    assert chaos("--tally", str(record)) == table
