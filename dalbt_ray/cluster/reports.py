"""What a worker tells the driver of the trials that it runs. Pure: anyone who sends it is passed in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

EVENTS = "events"
"""Key of a report: a list of events as `Event.to_json` gives them."""

PAUSE_S = 1.0
"""Seconds between two reports, at least. Each costs the driver some 10 ms, and rounds of trials of seconds come in tens
of milliseconds."""


ALIVE_S = 20.0
"""Seconds after which a trial that has nothing to tell says that it goes on."""


@dataclass(frozen=True)
class Event:
    """Something that has happened to a trial.

    Attributes:
        index: of the trial in the sweep.
        kind: it began, has committed a round, is published, has failed for good (and the failure is recorded), has
            failed once (Tune decides whether it is started again), is alive, and that is all, or is on a node that can
            run no trial.
        told: of the beginning the `node` and `pid` where it runs; of a round its number, `test_accuracy`, `status` and
            `device_type`; of a failure for good its `message`, of another one what `failures.as_told` says;
            of a node its id, `node`, and its `problem`.
    """

    index: int
    kind: Literal["began", "round", "finished", "failed", "stumbled", "alive", "misplaced"]
    told: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"index": self.index, "kind": self.kind, "told": self.told}


def events_of(report: dict[str, Any]) -> list[Event]:
    """The events of a report; none if it is about something else."""
    return [Event(**each) for each in report.get(EVENTS, ())]


class Reports:
    """Sends events, several in one report where they come fast.

    Args:
        send: what Tune or Train offers to a worker; it takes a dictionary.
        pause_s: see `PAUSE_S`; 0 where several workers have to report together.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None], pause_s: float = PAUSE_S) -> None:
        self._send, self._pause_s = send, pause_s
        self._waiting: list[Event] = []
        self._sent = -pause_s

    def add(self, event: Event, *, at_once: bool = False) -> None:
        """Send `event`, and all that wait, if `at_once` or the last report is long enough ago; else let it wait."""
        self._waiting.append(event)
        if at_once or monotonic() - self._sent >= self._pause_s:
            self.flush()

    def alive(self, index: int) -> None:
        """Say that a trial goes on, if nothing was said for `ALIVE_S` seconds."""
        if monotonic() - self._sent >= ALIVE_S:
            self.add(Event(index, "alive"), at_once=True)

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            self._send({EVENTS: [event.to_json() for event in self._waiting]})
            self._waiting = []
            self._sent = monotonic()
