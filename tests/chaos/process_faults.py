"""What happens to drivers: killed, stopped for longer than their lease, two at once, clocks that jump."""

import os
import signal
import time
from threading import Event

from tests.chaos.arena import Arena, committed

_PAUSE = Event()


KILLS = 10
"""In one case."""


def driver_killed(arena: Arena) -> None:
    """SIGKILL at random moments, ten times: again and again of one sweep, until that is through, then of another."""
    killed = 0
    while killed < KILLS:
        root, through = arena.fresh(), False
        while killed < KILLS and not through:
            driver = arena.start(root)
            _PAUSE.wait(arena.moment())
            promised = driver.promised
            os.kill(driver.pid, signal.SIGKILL)
            through = driver.wait() == 0
            if not through:
                killed += 1
                arena.count("driver kills")
                assert committed(root) >= min(promised, 4), "a committed round is lost"
        arena.check(root)


def driver_stopped(arena: Arena) -> None:
    """SIGSTOP for longer than the lease lives; another driver takes over, and then the first one wakes up."""
    root = arena.fresh()
    first = arena.start(root)
    _PAUSE.wait(arena.moment())
    os.kill(first.pid, signal.SIGSTOP)
    arena.count("stops beyond the lease")
    try:
        arena.finish(root)
    finally:
        os.kill(first.pid, signal.SIGCONT)
    first.wait()
    assert "Traceback" not in first.text, first.text
    arena.check(root)


def two_drivers(arena: Arena) -> None:
    """At the same moment: one is refused by name, or comes after the other; both leave one whole sweep."""
    root = arena.fresh()
    drivers = [arena.start(root) for _ in range(2)]
    arena.count("pairs of drivers")
    for driver in drivers:
        status = driver.wait()
        assert status in (0, 2), driver.text
        assert status == 0 or "is in use by another driver" in driver.text, driver.text
    arena.check(root)


def clock_jumps(arena: Arena) -> None:
    """A driver whose clock jumps by years, over files whose times are in the past or the future; killed on the way."""
    root, jump = arena.fresh(), arena.rng.choice((-1, 1)) * arena.rng.uniform(60, 10**8)
    driver = arena.start(root)
    _PAUSE.wait(arena.moment())
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    for path in root.rglob("*"):
        os.utime(path, (time.time() + jump,) * 2)
    arena.count("jumps")
    real = time.time

    def jumped() -> None:
        time.time = lambda: real() + jump

    arena.finish(root, jumped)
    arena.check(root)
