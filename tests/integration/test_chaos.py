"""The short form of `tests/chaos/run.py`: one case of what needs no root and no minutes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.run import main
from tests.integration.sweeps import REPOSITORY

COMPARE = """
import random, sys
from pathlib import Path
from tests.chaos.arena import Arena
from tests.chaos.store_faults import compare
try:
    compare(Arena(Path(sys.argv[1]), random.Random(0)), sys.argv[1])
except Exception as error:
    print(type(error).__name__, flush=True)
"""

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


def test_a_fault_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name: it was a case that did not survive."""
    monkeypatch.setattr(sys, "argv", ["run.py", "--faults", "driver_kiled"])
    with pytest.raises(SystemExit, match="2"):
        main()


def test_nothing_to_do_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing can be mounted, what needs that is left out, and named."""
    monkeypatch.setattr("tests.chaos.run.can_mount", lambda _: False)
    monkeypatch.setattr("tests.chaos.run.OWN_SWEEP", {"power_cut"})  # nothing else is prepared then
    monkeypatch.setattr(sys, "argv", ["run.py", "--faults", "power_cut", "--cases", "1"])
    assert main() == 0
    assert "left out, since nothing can be mounted here: power_cut" in capsys.readouterr().out


def test_a_reader_that_fails_is_one_failure(tmp_path: Path) -> None:
    """The fork that reads ended in an exception, and ran all further cases beside its parent."""
    done = subprocess.run(
        [sys.executable, "-c", COMPARE, str(tmp_path / "none")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "AssertionError\n", done.stdout + done.stderr
