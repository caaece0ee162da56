"""What happens to a sweep on a Ray of its own: its worker processes are killed while they train."""

import signal
import subprocess
from threading import Event

import psutil

from dalbt_ray.results import verify
from tests.chaos.arena import Arena
from tests.integration.sweeps import REPOSITORY, command, committed_rounds, hashes
from tests.integration.waiting import wait_for

_PAUSE = Event()
_EXPECTED: dict[str, str] = {}


def worker_killed(arena: Arena) -> None:
    """SIGKILL of a process that trains, twice; the driver starts the trial again where its last round ended."""
    root = arena.fresh()
    if not _EXPECTED:
        subprocess.run(command(root, seeds=1, rounds=6), cwd=REPOSITORY, check=True, capture_output=True)
        _EXPECTED.update(hashes(root))
        root = arena.fresh()
    driver = subprocess.Popen(
        command(root, seeds=1, rounds=6),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(lambda: driver.poll() is not None or committed_rounds(root) >= 1, seconds=120)
        workers = [
            each
            for each in psutil.Process(driver.pid).children(recursive=True)
            if "ray::" in " ".join(each.cmdline())
        ]
        for worker in arena.rng.sample(workers, min(1, len(workers))):
            worker.send_signal(signal.SIGKILL)
            arena.count("worker killed")
        printed, _ = driver.communicate(timeout=240)
    finally:
        driver.kill()
    assert driver.returncode == 0, printed
    assert "Traceback" not in printed, printed
    assert hashes(root) == _EXPECTED
    assert verify(root).whole
