"""`ray job submit` to a real job server: submit, read the log, stop, and go on with the same command."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from dalbt_ray.results import load_results, verify
from tests.integration.sweeps import REPOSITORY, STARTS_RAY, committed_rounds
from tests.integration.waiting import wait_for

MISSING = [name for name in ("aiohttp_cors", "opencensus") if find_spec(name) is None]

pytestmark = [
    *STARTS_RAY,
    pytest.mark.skipif(bool(MISSING), reason="the job server needs dalbt-ray[dashboard]"),
]

SWEEP = '''
import sys
from dalbt_ray import SplitSettings, Supervised, Training, Trial, get_strategy, sweep

def trials():
    """One trial of ten rounds."""
    return [Trial(dataset="fashion_mini", objective=Supervised(), strategy=get_strategy("random"), budget=10, rounds=9,
                  training=Training(epochs=1, min_steps=50),
                  splits=SplitSettings(train_limit=None, initial_size=40, validation_size=50, pool_size=200))]

sys.exit(sweep(trials))
'''


def test_a_job_is_submitted_stopped_and_resumed(tmp_path: Path) -> None:
    """The log is the driver's; what was committed before the stop is kept, and the second job ends with exit 0."""
    folder, results = tmp_path / "uploaded", tmp_path / "results"
    folder.mkdir()
    (folder / "mine.py").write_text(SWEEP)
    head = {"num_cpus": 1, "include_dashboard": True, "dashboard_port": 0}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        server = f"http://{cluster.head_node.webui_url}"

        def job(verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
            command = [
                sys.executable,
                "-m",
                "ray.scripts.scripts",
                "job",
                verb,
                "--address",
                server,
                *arguments,
            ]
            environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
            return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

        def submit(name: str, *options: str) -> subprocess.CompletedProcess[str]:
            sweep = [sys.executable, "mine.py", "--address", "auto", "--results", str(results)]
            own = ["--submission-id", name, "--working-dir", str(folder), *options]
            return job("submit", *own, "--", "env", f"PYTHONPATH={REPOSITORY}", *sweep)

        submitted = submit("first", "--no-wait")
        assert submitted.returncode == 0, submitted.stdout + submitted.stderr
        wait_for(lambda: results.exists() and committed_rounds(results) >= 1, seconds=200)
        assert "running 1 trials" in job("logs", "first").stdout
        stopped = job("stop", "first")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        before = committed_rounds(results)
        assert 1 <= before < 10

        resumed = submit("second")
        assert resumed.returncode == 0, resumed.stdout + resumed.stderr
        assert load_results(results).rounds["round"].tolist() == list(range(10))
        assert verify(results).damaged == ()
    finally:
        cluster.shutdown()
