"""A machine on which processes take long to start, as a very busy one, runs a sweep all the same."""

from pathlib import Path

import pytest

from dalbt_ray.cluster.options import ClusterOptions
from tests.integration.sweeps import STARTS_RAY, run_on_ray, small_trials

pytestmark = STARTS_RAY

SLOW_START = """
import sys, time

if any(part.endswith("default_worker.py") for part in sys.orig_argv):
    time.sleep(15)
"""


def test_a_process_that_takes_long_to_start_is_no_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One trial, room for two, and a start of three times `stall_after_s`."""
    (tmp_path / "sitecustomize.py").write_text(SLOW_START)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    outcome = run_on_ray(
        small_trials()[:1], tmp_path / "results", ClusterOptions(own_cpus=2, stall_after_s=5)
    )
    assert (outcome.done, outcome.failed) == (1, 0)
    assert "again" not in "".join(capfd.readouterr())
