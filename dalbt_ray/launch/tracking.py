"""Copy committed rounds to a tracker from a thread of its own: it may be slow, hang or fail, the sweep goes on."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Any

from dalbt_ray.launch.trackers.tracker import Status, Tracker, ending, run_names, tracked_round, tracked_trial
from dalbt_ray.results import ResultsStore, committed_records
from dalbt_ray.results.trial_frame import trial_frame

LIMIT_S = 10.0
"""Seconds that the end of a sweep waits for a tracker, at most."""

SLOW_S = 30.0
"""Seconds without an answer of the tracker after which that is said, once."""

_log = logging.getLogger(__name__)


class Tracking:
    """Feeds one tracker. Rounds are read back from the results folder, so only what is committed is ever copied.

    Args:
        store: the results folder.
        connect: gives the tracker that the rounds go to. It is called in the thread: a server that does not answer
            neither delays the sweep nor ends it.
        configs: the configuration of every trial of the sweep by id: runs are named by what tells them apart.
        slow_s: see `SLOW_S`.
    """

    def __init__(
        self,
        store: ResultsStore,
        connect: Callable[[], Tracker],
        configs: Mapping[str, Mapping[str, Any]],
        slow_s: float = SLOW_S,
    ) -> None:
        self._store, self._connect, self._configs = store, connect, configs
        self._events: SimpleQueue[tuple[str, int | None] | None] = SimpleQueue()
        self._names: dict[str, str] = {}
        self._copied: dict[str, int] = {}
        self._open: dict[str, float] = {}
        self._report: Path | None = None
        self._thread = Thread(target=self._work, daemon=True, name="tracker")
        self._asked_since: float | None = monotonic()
        self._over = Event()
        self._thread.start()
        Thread(target=self._watch, args=(slow_s,), daemon=True, name="tracker-watch").start()

    def __call__(self, trial_id: str, round_index: int | None) -> None:
        """A round was committed, or (None) the trial published. Returns at once."""
        self._events.put((trial_id, round_index))

    def close(self, report: Path | None = None, limit_s: float = LIMIT_S) -> bool:
        """Hand over the report's page and wait for what is outstanding, at most `limit_s` seconds; whether all went."""
        self._report = report
        self._events.put(None)
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            self._tracker = self._connect()
            self._names = run_names(
                trial_frame({key: (config, "", 0) for key, config in self._configs.items()})
            )
            while (event := self._next()) is not None:
                self._copy(*event)
            self._end_the_others()
            if self._report is not None:
                self._tracker.attach(self._report)
            self._tracker.close()
        except (Exception, SystemExit) as error:
            _log.warning("the tracker failed and gets no more rounds: %s: %s", type(error).__name__, error)
            self._over.set()
            while self._events.get() is not None:
                pass
        self._over.set()

    def _next(self) -> tuple[str, int | None] | None:
        """The next event; nobody is asked anything until it comes."""
        self._asked_since = None
        event = self._events.get()
        self._asked_since = monotonic()
        return event

    def _watch(self, slow_s: float) -> None:
        """Say once that the tracker does not answer: at the end of a long sweep would be late."""
        while not self._over.wait(min(1.0, slow_s)):
            since = self._asked_since
            if since is not None and monotonic() - since >= slow_s:
                _log.warning(
                    "the tracker has not answered for %.0f s; the sweep does not wait for it", slow_s
                )
                return

    def _copy(self, trial_id: str, round_index: int | None) -> None:
        """Copy the rounds that are new since this sweep first heard of the trial."""
        records = committed_records(self._store, trial_id)
        if not records:
            return  # published since; the event that says so has them
        first = self._copied.get(trial_id, round_index or 0)
        initial = records[0].row.n_labeled
        if trial_id not in self._open:
            config = self._configs[trial_id]
            trial = tracked_trial(trial_id, self._names[trial_id], config, vars(records[0].timing))
            self._tracker.begin(trial, whole=first == 0)
        for record in records[first:]:
            row = tracked_round(record.row.columns(), vars(record.timing), initial)
            self._tracker.log(trial_id, row)
            self._open[trial_id] = row.ended
        self._copied[trial_id] = max(first, len(records))
        if round_index is None:
            self._tracker.end(trial_id, ending(records[-1].row.columns()), self._open.pop(trial_id))

    def _end_the_others(self) -> None:
        """Trials that this sweep has left unfinished: they failed, or it was interrupted."""
        failed = self._store.errors() if self._open else {}
        for trial_id, ended in self._open.items():
            status: Status = "failed" if trial_id in failed else "interrupted"
            self._tracker.end(trial_id, status, ended)
