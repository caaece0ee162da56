"""Notices from a thread of its own that the head or the raylet is gone, while the driver hangs in a call to Ray.

Without it, a driver whose head was killed stands still for a minute and then ends in a message of Ray's.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic

from dalbt_ray.cluster.probe import Answer, ask
from dalbt_ray.trial.clock import span

EVERY_S = 1.5
GONE_AFTER_S = 6.0
"""Seconds of refused connections after which a process counts as gone: it takes none up again."""

SILENT_ANNOUNCED_S = 20.0
SILENT_AT_MOST_S = 300.0
"""Seconds after which a process that listens and does not answer is announced, and given up: stopped, or busy."""

ENDING_S = 4.0
"""Seconds that the end of what is left of a Ray of our own may take."""


@dataclass
class Pulse:
    """What follows from the answers of one process. Pure: times are passed in.

    Attributes:
        name: as in `Ray's head at 10.0.0.1:6379`.
    """

    name: str
    _bad_since: float | None = None
    _bad: Answer = "yes"
    _announced: float = field(default=0.0)

    def observe(self, now: float, answer: Answer) -> tuple[str, bool]:
        """What to say, empty for nothing; and whether it is over.

        Args:
            now: seconds on a steady clock.
            answer: to the question that was just asked.
        """
        if answer == "yes":
            back = f"{self.name} answers again" if self._announced else ""
            self._bad_since, self._bad, self._announced = None, "yes", 0.0
            return back, False
        if self._bad_since is None or (answer == "silent") != (self._bad == "silent"):
            self._bad_since = now
        self._bad = answer
        waited = now - self._bad_since
        if answer != "silent":
            return (f"{self.name} is gone", True) if waited >= GONE_AFTER_S else ("", False)
        if waited >= SILENT_AT_MOST_S:
            return f"{self.name} has not answered for {span(waited)}", True
        # Then again each time the silence has doubled.
        if waited >= max(SILENT_ANNOUNCED_S, 2 * self._announced):
            self._announced = waited
            return (
                f"{self.name} has not answered for {span(waited)}; given up after {span(SILENT_AT_MOST_S)}",
                False,
            )
        return "", False


@contextmanager
def lifeline(
    addresses: Mapping[str, str], say: Callable[[str], None], lost: Callable[[str], None]
) -> Iterator[None]:
    """Inside, every process of `addresses` is asked whether it lives.

    Args:
        addresses: `host:port` by name.
        say: told what is worth telling.
        lost: told, once, why the sweep cannot go on; called from the thread, or when the block fails for that reason.
    """
    over = Event()
    pulses = {address: Pulse(f"{name} at {address}") for name, address in addresses.items()}

    def watch() -> None:
        while not over.wait(EVERY_S):
            for address, pulse in pulses.items():
                told, gone = pulse.observe(monotonic(), ask(address))
                if gone and not over.is_set():
                    lost(told)
                    return
                if told:
                    say(told)

    Thread(target=watch, daemon=True, name="lifeline").start()
    try:
        yield
    except Exception:
        for address, pulse in pulses.items():
            if ask(address) == "refused":
                over.set()
                lost(f"{pulse.name} is gone")
        raise
    finally:
        over.set()


def end_at_once(status: int, end_processes: Callable[[], None]) -> None:
    """End this process without waiting for Ray, which would wait for its head; what it started ends first."""
    ending = Thread(target=end_processes, daemon=True, name="ending")
    ending.start()
    ending.join(ENDING_S)
    if sys.stdout.isatty():
        sys.stdout.write("\x1b[?25h")  # the live block has hidden the cursor
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
