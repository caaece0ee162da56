"""Nothing waits for ever: when a sweep in which no trial runs has to speak, and when it has to stop. Pure."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["fine", "announce", "stalled", "waited_too_long"]

ANNOUNCE_EVERY_S = 60.0
START_AT_MOST_S = 900.0
"""Seconds in which processes may start and no trial run, as long as a running trial may say nothing: on a busy machine
the imports alone take minutes, and a process that hangs in them is not waited for all day."""


@dataclass
class Watchdog:
    """Fed with what is seen at each step of the scheduler, on a clock that is passed in.

    Attributes:
        stall_after_s: seconds without a running trial, while there is room for one and none starts, until the verdict
            `stalled`; where processes start, it comes after `START_AT_MOST_S`, or later if this is longer.
        wait_at_most_s: seconds without a running trial, while others hold the room, until `waited_too_long`.
    """

    stall_after_s: float
    wait_at_most_s: float
    _idle_since: float | None = None
    _room_since: float | None = None
    _starting_since: float | None = None
    _announced: float = 0.0

    def observe(self, now: float, *, running: int, has_room: bool, starting: bool = False) -> Verdict:
        """What to do at time `now` (seconds on any steady clock).

        Args:
            now: the time of this observation; never before the last one's.
            running: trials that run.
            has_room: the cluster has free capacity for one more trial.
            starting: processes of the sweep have their place and start.
        """
        if running:
            self._idle_since = self._room_since = self._starting_since = None
            return "fine"
        if self._idle_since is None:
            self._idle_since = self._announced = now
        self._room_since = _since(self._room_since, now, seen=has_room and not starting)
        self._starting_since = _since(self._starting_since, now, seen=starting)
        start_at_most_s = max(START_AT_MOST_S, self.stall_after_s)
        if _over(self._room_since, now, self.stall_after_s):
            return "stalled"
        if _over(self._starting_since, now, start_at_most_s):
            return "stalled"
        if now - self._idle_since >= self.wait_at_most_s:
            return "waited_too_long"
        if now - self._announced >= ANNOUNCE_EVERY_S:
            self._announced = now
            return "announce"
        return "fine"

    def idle_seconds(self, now: float) -> float:
        """Seconds since a trial last ran."""
        return 0.0 if self._idle_since is None else now - self._idle_since


def _since(before: float | None, now: float, *, seen: bool) -> float | None:
    """When what is seen now began to be seen without a break; None if it is not."""
    return (now if before is None else before) if seen else None


def _over(since: float | None, now: float, limit_s: float) -> bool:
    return since is not None and now - since >= limit_s
