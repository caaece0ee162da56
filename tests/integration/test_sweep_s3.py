"""A whole sweep by its command line, its results in an object store: moto's S3 on loopback."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from dalbt_ray.launch.in_process import run_in_process
from dalbt_ray.launch.progress import Progress
from dalbt_ray.results import ResultsStore, load_results, verify
from tests.integration.sweeps import REPOSITORY, STARTS_RAY, hashes, small_trials
from tests.integration.waiting import wait_for

pytestmark = [*STARTS_RAY, pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore")]

SWEEP = """
import sys
from dalbt_ray.launch.sweep_command import sweep
from tests.integration.sweeps import small_trials
sys.exit(sweep({"small": small_trials}))
"""


def sweep(root: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command that a user types in `folder`, with credentials and endpoint in its environment."""
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP, "--results", root, "--seeds", "0", "--address", "local", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_sweep_is_planned_killed_resumed_and_reported_there(bucket: str, tmp_path: Path) -> None:
    """The same command finishes what SIGKILL cut off; tables as without Ray and on a disk; the report lies beside."""
    root, store = f"{bucket}/resumed", ResultsStore(f"{bucket}/resumed")
    planned, _ = sweep(root, tmp_path, "--plan").communicate()
    assert "to do    2" in planned

    with sweep(root, tmp_path) as killed:
        wait_for(lambda: any(store.unfinished().values()) or bool(store.committed()), seconds=200)
        killed.kill()
    with sweep(root, tmp_path) as resumed:
        printed, _ = resumed.communicate()
    assert resumed.returncode == 0, printed
    assert f"report   {root}/report/index.html" in printed
    assert f"dalbt report {root} --out DIR writes one here" in printed
    assert b"AUBC" in store.storage.read("report/index.html")
    assert "learning_curves.png" in store.storage.entries("report/figures")
    assert not list(tmp_path.iterdir())
    assert not verify(root).damaged
    again, _ = sweep(root, tmp_path).communicate()
    assert "All 2 trials of 'small' are done: nothing to do." in again

    trials, here = small_trials(seeds=1), tmp_path / "here"
    ResultsStore(here).create_or_open({"sweep": "small"})
    with Progress(len(trials)) as progress:
        run_in_process(trials, str(here), None, progress)
    there = {name: sha256(store.storage.read(name)).hexdigest() for name in hashes(here)}
    assert there == hashes(here)
    assert len(load_results(root).rounds) == 6
