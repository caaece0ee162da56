"""What a backend tells of the trials that it runs: the console, a tracker or a test listens."""

from collections.abc import Mapping
from typing import Any, Protocol


class Observer(Protocol):
    """Told what happens to trials, from the process that drives the sweep. `key` is a trial's id."""

    def started(self, key: str, label: str, rounds: int) -> None:
        """A trial begins, or begins again, with at most `rounds` rounds to do."""

    def round(self, key: str, row: Mapping[str, Any]) -> None:
        """A trial has committed a round; `row` has its `round`, `test_accuracy` and `status`."""

    def finished(self, key: str) -> None:
        """A trial is published."""

    def failed(self, key: str, message: str) -> None:
        """A trial has failed for good."""

    def say(self, text: str) -> None:
        """Something else that a person should know, in one line."""
