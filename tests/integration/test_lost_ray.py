"""Processes that are killed or stopped under a running sweep: it ends in a line, or they end."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.trial.failures import Stalled
from tests.integration.sweeps import REPOSITORY, STARTS_RAY, command
from tests.integration.waiting import wait_for

pytestmark = STARTS_RAY


@pytest.mark.parametrize("process", ["gcs_server", "raylet"])
def test_a_killed_head_or_raylet_is_said_with_the_way_on(tmp_path: Path, process: str) -> None:
    """Without the watch, the driver hangs for a minute and ends in a message of Ray's."""
    log, progress = tmp_path / "log", tmp_path / "results" / "progress"
    with (
        log.open("w") as file,
        subprocess.Popen(
            command(tmp_path / "results", epochs=100_000),
            cwd=REPOSITORY,
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as driver,
    ):
        try:
            wait_for(lambda: progress.exists() or driver.poll() is not None, seconds=240)
            family = psutil.Process(driver.pid).children(recursive=True)
            next(each for each in family if each.name() == process).kill()
            assert driver.wait(timeout=120) == 1
        finally:
            driver.kill()
    assert "is gone; what is committed is kept" in log.read_text()
    assert "The same command goes on." in log.read_text()
    _, alive = psutil.wait_procs(family, timeout=120)
    assert not alive


def test_a_ray_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises a bare exception where a busy machine takes more than half a minute; the command line knows ours."""
    import ray

    from dalbt_ray.cluster.connection import connected

    def late(**_: object) -> None:
        raise Exception("The current node timed out during startup.")  # noqa: TRY002 - as Ray does

    monkeypatch.setattr(ray, "init", late)
    with pytest.raises(Stalled, match="Ray did not start on this machine"), connected(ClusterOptions()):
        pass


def test_a_process_that_is_stopped_is_ended() -> None:
    """It hears of nothing any more, so a task on its node does it."""
    from dalbt_ray.cluster.connection import connected

    with connected(ClusterOptions(own_cpus=1)):
        import ray

        from dalbt_ray.cluster.ending import WorkerProcess

        actor = ray.remote(num_cpus=1)(WorkerProcess).remote("", 0)
        process: WorkerProcess = ray.get(actor.this.remote())
        known = WorkerProcess.of(actor)  # for one that hangs before it can say so
        assert known is not None
        assert (known.node, known.pid) == (process.node, process.pid)
        os.kill(process.pid, signal.SIGSTOP)
        process.end()
        wait_for(lambda: not psutil.pid_exists(process.pid), seconds=120)
        assert not psutil.pid_exists(process.pid)
