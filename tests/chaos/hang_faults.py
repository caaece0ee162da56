"""What hangs: workers that are stopped or hold the interpreter's lock, Ray's head and raylet, a tracker's server."""

import re
import signal
import socket
from threading import Event
from time import time

import psutil

from dalbt_ray.results import ResultsStore
from tests.chaos.arena import Arena, committed
from tests.chaos.hanging import FOLDER, Hanging, hangs
from tests.chaos.on_ray import LIMIT_S, Sweeping, finish, gone
from tests.integration.waiting import wait_for

_PAUSE = Event()

ANNOUNCED_S = 60.0
"""Seconds after which a hang has been said."""

TIMEOUT_S = 75
"""`--trial-timeout` of the sweep that hangs; without one, a trial gets a quarter of an hour of silence at least."""

HANGS_LIMIT_S = 1_200.0

ENDED_S = 120.0
"""Seconds after its driver within which a hanging worker has ended."""

_SILENT = re.compile("nothing heard of .*which=([0-9]+)")


def workers_hang(arena: Arena) -> None:
    """Twelve trials at once, and all hang: stopped (SIGSTOP), or in native code with the interpreter's lock.

    Each is announced and ended, none holds up the others; the same command then finishes them.
    """
    root, size = arena.fresh(), ("--preset", "twelve", "--max-rounds", "2")
    folder = root.parent / "hanging"
    folder.mkdir(parents=True)
    limits = ("--cpus-per-trial", "0.16", "--trial-timeout", str(TIMEOUT_S))
    said: dict[str, float] = {}
    with Sweeping.start(root, *size, *limits, **{FOLDER: str(folder)}) as driver:

        def ended() -> bool:
            for which in _SILENT.findall(driver.text):
                said.setdefault(which, time())
            return driver.process.poll() is not None

        wait_for(ended, HANGS_LIMIT_S)
        assert driver.status() == 1, driver.text[-3000:]
    hung = hangs(folder, 12)
    assert len(ResultsStore(root).errors()) == 12, driver.text[-3000:]
    for which, hang in hung.items():
        how = "stopped workers" if Hanging(which=which).stopped else "interpreter locks"
        arena.count(how)
        assert str(which) in said, f"{which} was not announced: {driver.text[-3000:]}"
        arena.heard(f"that nothing is heard, after {how}", said[str(which)] - hang.since, ANNOUNCED_S)
    wait_for(lambda: not any(psutil.pid_exists(hang.pid) for hang in hung.values()), ENDED_S)
    finish(arena, root, "--in-process", *size)


def raylet_hangs(arena: Arena) -> None:
    """SIGSTOP of the raylet."""
    _stop(arena, "stopped raylets", "raylet")


def head_hangs(arena: Arena) -> None:
    """SIGSTOP of the GCS, Ray's head."""
    _stop(arena, "stopped GCSs", "gcs_server")


def _stop(arena: Arena, what: str, process: str) -> None:
    """It is announced; then it wakes up and the sweep goes on, or, one time in four, is given up with the way on.

    Either way nothing of its Ray is left when the driver has ended, not even what is still stopped.
    """
    root = arena.fresh()
    with Sweeping.start(root) as driver:
        driver.after_a_round(arena, root)
        family = driver.family()
        victim, since = driver.signaled(process, signal.SIGSTOP)
        arena.count(what)
        after = driver.tells("has not answered for", since, LIMIT_S)
        arena.heard(f"that there is no answer, after {what}", after, ANNOUNCED_S)
        if arena.rng.randrange(4):
            _PAUSE.wait(arena.rng.uniform(0, 20))
            victim.send_signal(signal.SIGCONT)
        status = driver.status()
        assert status == 0 or (status == 1 and "Resume with:" in driver.text), driver.text[-3000:]
        gone(family)
    finish(arena, root, "--in-process")


def tracker_hangs(arena: Arena) -> None:
    """An MLflow server that takes connections and never answers, or is not there: the sweep does not wait for it."""
    root, size = arena.fresh(), ("--max-rounds", "2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if arena.rng.randrange(3) == 0:
            server.close()
        where = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
        with Sweeping.start(root, "--in-process", "--track", "mlflow", *size, **where) as driver:
            driver.until(lambda: committed(root) > 0)
            since = time()
            arena.count("dead trackers")
            after = driver.tells("the tracker", since, LIMIT_S)
            arena.heard("that the tracker does not answer, after its first round", after, ANNOUNCED_S)
            assert driver.status() == 0, driver.text[-3000:]
    finish(arena, root, "--in-process", *size)
