"""What happens to the processes of a sweep on Ray: workers, worker groups, raylet, head and driver are killed."""

import signal
from contextlib import suppress
from threading import Event

import psutil

from tests.chaos.arena import Arena, committed
from tests.chaos.on_ray import FAILURES, LIMIT_S, Sweeping, finish, gone

_PAUSE = Event()

RESUME_S = 15.0
"""Seconds after the loss of head or raylet within which the driver has said how to go on."""


def worker_killed(arena: Arena) -> None:
    """SIGKILL of ten processes that train, of four at once; each trial goes on where its last round ended."""
    _kill_workers(arena, "worker kills", 10, "ray::ImplicitFunc", "--cpus-per-trial", "0.5")


def group_worker_killed(arena: Arena) -> None:
    """SIGKILL of three workers of trials that two train together."""
    _kill_workers(
        arena, "group worker kills", 3, "ray::RayTrainWorker", "--cpus-per-trial", "0.5", *GROUP
    )  # fmt: skip


GROUP = ("--workers-per-trial", "2", "--max-rounds", "3")


def _kill_workers(arena: Arena, what: str, kills: int, title: str, *arguments: str) -> None:
    """Kill one whenever another round is committed, at a random moment, in as many sweeps as that takes."""
    killed = 0
    while killed < kills:
        root, seen = arena.fresh(), 0
        with Sweeping.start(root, *arguments, **{FAILURES: "1000"}) as driver:
            while killed < kills and driver.process.poll() is None:
                _PAUSE.wait(arena.rng.uniform(0.2, 1.5))
                seen, before = committed(root), seen
                if seen > before and (workers := driver.at_work(title)):
                    with suppress(psutil.NoSuchProcess):
                        arena.rng.choice(workers).send_signal(signal.SIGKILL)
                        killed += 1
                        arena.count(what)
            assert driver.status() == 0, driver.text[-3000:]
        finish(arena, root, *arguments)


def raylet_killed(arena: Arena) -> None:
    """SIGKILL of the raylet: the driver says how to go on, nothing of its Ray is left, and the sweep goes on."""
    _lose(arena, "raylet kills", "raylet")


def head_killed(arena: Arena) -> None:
    """The same of the GCS, Ray's head."""
    _lose(arena, "GCS kills", "gcs_server")


def _lose(arena: Arena, what: str, process: str) -> None:
    root = arena.fresh()
    with Sweeping.start(root) as driver:
        driver.after_a_round(arena, root)
        family = driver.family()
        _, killed = driver.signaled(process, signal.SIGKILL)
        arena.count(what)
        after = driver.tells("Resume with:", killed, LIMIT_S)
        assert driver.status() == 1, driver.text[-3000:]
        arena.heard(f"how to go on, after {what}", after, RESUME_S)
        gone(family)
    finish(arena, root, "--in-process")


def driver_on_ray_killed(arena: Arena) -> None:
    """SIGKILL of a driver with a Ray of its own: the next one clears away what it leaves behind."""
    root = arena.fresh()
    driver = Sweeping.start(root)
    try:
        driver.after_a_round(arena, root)
        family = driver.family()
        driver.process.kill()
        arena.count("driver kills")
    finally:
        driver.process.wait()
    finish(arena, root)
    gone(family, 60.0)
