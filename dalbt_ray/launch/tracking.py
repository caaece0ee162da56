"""Copy committed rounds to a tracker from a thread of its own: it may be slow, hang or fail, the sweep goes on."""

import logging
from queue import SimpleQueue
from threading import Thread
from typing import Any

from dalbt_ray.launch.trackers.tracker import Tracker
from dalbt_ray.results import ResultsStore, committed_rows

LIMIT_S = 10.0
"""Seconds that the end of a sweep waits for a tracker, at most."""

_log = logging.getLogger(__name__)


class Tracking:
    """Feeds one tracker. Rows are read back from the results folder, so only what is committed is ever copied.

    Args:
        store: the results folder.
        tracker: where the rows go.
    """

    def __init__(self, store: ResultsStore, tracker: Tracker) -> None:
        self._store, self._tracker = store, tracker
        self._events: SimpleQueue[tuple[str, int | None] | None] = SimpleQueue()
        self._copied: dict[str, int] = {}
        self._thread = Thread(target=self._work, daemon=True, name="tracker")
        self._thread.start()

    def __call__(self, trial_id: str, round_index: int | None) -> None:
        """A round was committed, or (None) the trial published. Returns at once."""
        self._events.put((trial_id, round_index))

    def close(self, limit_s: float = LIMIT_S) -> bool:
        """Wait for what is outstanding, at most `limit_s` seconds; whether all of it was copied."""
        self._events.put(None)
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while (event := self._events.get()) is not None:
                self._copy(*event)
            self._tracker.close()
        except Exception as error:
            _log.warning("the tracker failed and gets no more rounds: %s: %s", type(error).__name__, error)
            while self._events.get() is not None:
                pass

    def _copy(self, trial_id: str, round_index: int | None) -> None:
        """Copy the rows that are new since this sweep first heard of the trial."""
        first = self._copied.get(trial_id, round_index or 0)
        rows: list[dict[str, Any]] = committed_rows(self._store, trial_id)
        for row in rows[first:]:
            self._tracker.log(trial_id, row)
        self._copied[trial_id] = max(first, len(rows))
