"""Nothing waits for ever: when a sweep in which no trial runs has to speak, and when it has to stop. Pure."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["fine", "announce", "stalled", "waited_too_long"]

ANNOUNCE_EVERY_S = 60.0


@dataclass
class Watchdog:
    """Fed with what is seen at each step of the scheduler, on a clock that is passed in.

    Attributes:
        stall_after_s: seconds without a running trial, while there is room for one, until the verdict `stalled`.
        wait_at_most_s: seconds without a running trial, while others hold the room, until `waited_too_long`.
    """

    stall_after_s: float
    wait_at_most_s: float
    _idle_since: float | None = None
    _room_since: float | None = None
    _announced: float = 0.0

    def observe(self, now: float, *, running: int, has_room: bool) -> Verdict:
        """What to do at time `now` (seconds on any steady clock).

        Args:
            now: the time of this observation; never before the last one's.
            running: trials that run.
            has_room: the cluster has free capacity for one more trial.
        """
        if running:
            self._idle_since = self._room_since = None
            return "fine"
        if self._idle_since is None:
            self._idle_since = self._announced = now
        self._room_since = (now if self._room_since is None else self._room_since) if has_room else None
        if self._room_since is not None and now - self._room_since >= self.stall_after_s:
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
