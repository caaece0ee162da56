"""A disk that fills up, fails or turns read-only in the middle of a sweep: one line and an exit status, and no loss."""

import json
import subprocess
import sys
from pathlib import Path

from tests.integration.sweeps import REPOSITORY
from tests.results_records import in_memory


def test_calls_that_fail_from_some_moment_on_end_in_one_line(tmp_path: Path) -> None:
    """No traceback whenever it is, and the same command gives the same tables once the disk works again."""
    with in_memory(tmp_path) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.failing_calls", str(folder), "3", "3"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert found["calls"] > 40  # else the calls are no longer seen, and nothing was tested
