"""What a person sees while a sweep runs: one live block on a terminal, a few plain lines elsewhere.

It knows nothing of Ray: both backends tell it what happens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Any, Self, TextIO

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dalbt_ray.errors import printable
from dalbt_ray.launch.terminal import Terminal
from dalbt_ray.launch.time_left import TimeLeft, Work
from dalbt_ray.trial.clock import span

SHOWN = 12
"""Running trials that the live block lists; the others are counted."""

LISTED = 100
"""Trials of a sweep above which only totals and failures are printed, not every trial's end."""

FAILURES = 20
"""Failures that are printed; further ones are counted, and all are in the results."""

PLAIN_EVERY_S = 60.0
"""Seconds between the totals that are printed where there is no terminal."""


@dataclass
class _Running:
    label: str
    rounds: int
    seen: int = 0
    accuracy: float | None = None
    diverged: bool = False


@dataclass
class Tally:
    """What has happened so far, and what follows from it. Pure: times are passed in.

    Attributes:
        trials: trials that this run has to do.
        left: what they have still to do.
        began: time when the first trial started.
    """

    trials: int
    left: TimeLeft
    began: float = 0.0
    done: int = 0
    failed: int = 0
    diverged: int = 0
    running: dict[str, _Running] = field(default_factory=dict)

    def line(self, now: float) -> str:
        """The totals in one line."""
        eta = self.left.seconds(now)
        parts = [f"{self.done} of {self.trials} trials done"]
        if self.diverged:
            parts.append(f"{self.diverged} of them diverged")
        if self.failed:
            parts.append(f"{self.failed} failed")
        parts.append(f"{len(self.running)} running")
        parts.append(f"{span(now - self.began)} so far")
        if eta is not None and self.done + self.failed < self.trials:
            parts.append(f"about {span(eta)} to go")
        return ", ".join(parts)


class Progress:
    """Told what happens to trials; shows it. Use as a context manager.

    Args:
        trials: trials to do.
        work: what each will take, by id, as far as it is known: the time left weighs them by that.
        stream: where to write; standard output if None.
        clock: a steady clock in seconds.
        also: told of each committed round, (trial id, round), and of each published trial, (trial id, None).
    """

    def __init__(
        self,
        trials: int,
        work: Mapping[str, Work] | None = None,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = monotonic,
        also: Callable[[str, int | None], None] = lambda _trial_id, _round: None,
    ) -> None:
        self._clock, self._also = clock, also
        self._console = Terminal(stream)
        self._tally = Tally(trials, TimeLeft(trials, work or {}), began=clock())
        self._live: Live | None = None
        self._printed = self._tally.began

    def __enter__(self) -> Self:
        """Show the live block, if this is a terminal."""
        self._tally.began = self._printed = self._clock()
        if self._console.is_terminal:
            # Streams are left alone: anyone who prints does it through `say`, and Ray writes to files.
            self._live = Live(
                console=self._console,
                get_renderable=self._block,
                refresh_per_second=2,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def started(self, key: str, label: str, rounds: int) -> None:
        """A trial begins, or begins again, with at most `rounds` rounds to do."""
        self._tally.running[key] = _Running(label=label, rounds=rounds)
        self._tally.left.started(key, rounds, self._clock())
        self._beat()

    def round(self, key: str, row: Mapping[str, Any]) -> None:
        """A trial has committed a round; `row` is its row in the `rounds` table."""
        running = self._tally.running.get(key)
        if running is not None:
            running.seen = int(row["round"]) + 1
            running.accuracy = row.get("test_accuracy")
            running.diverged = row.get("status") == "diverged"
        self._tally.left.committed(key, int(row["round"]), self._clock())
        self._also(key, int(row["round"]))
        self._beat()

    def finished(self, key: str) -> None:
        """A trial is published."""
        running = self._tally.running.pop(key, None)
        self._tally.left.ended(key)
        self._tally.done += 1
        self._also(key, None)
        if running is not None:
            accuracy = "" if running.accuracy is None else f"  {running.accuracy:.1%}"
            if running.diverged:
                self._tally.diverged += 1
                self.say(f"{self._counter()} diverged  {running.label}: lower its training.learning_rate")
            elif self._tally.trials <= LISTED:
                self.say(f"{self._counter()} done    {running.label}{accuracy}", quiet_live=True)
            else:
                self._beat()

    def failed(self, key: str, message: str) -> None:
        """A trial has failed for good."""
        running = self._tally.running.pop(key, None)
        self._tally.left.ended(key)
        self._tally.failed += 1
        label = key
        if running is not None:
            label = running.label
        if self._tally.failed <= FAILURES:
            self.say(f"{self._counter()} failed  {label}: {message}")
        if self._tally.failed == FAILURES:
            self.say("further failures are counted only; the results folder keeps the reason of each")

    def say(self, text: str, *, quiet_live: bool = False) -> None:
        """Print one line, above the live block; `quiet_live` drops it where that block shows the same."""
        if not (quiet_live and self._live is not None):
            self._console.print(text, soft_wrap=True)
        self._printed = self._clock()

    @property
    def summary(self) -> str:
        """The totals in one line."""
        return self._tally.line(self._clock())

    def _counter(self) -> str:
        return f"[{self._tally.done + self._tally.failed}/{self._tally.trials}]"

    def _beat(self) -> None:
        if self._live is None and self._clock() - self._printed >= PLAIN_EVERY_S:
            self.say(self.summary)

    def _block(self) -> RenderableType:
        # The refreshing thread calls this: it works on a copy.
        running = list(self._tally.running.values())
        table = Table(box=None, pad_edge=False, show_header=bool(running), header_style="dim")
        table.add_column("trial", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("round", justify="right")
        table.add_column("accuracy", justify="right")
        for trial in running[:SHOWN]:
            accuracy = "" if trial.accuracy is None else f"{trial.accuracy:.1%}"
            table.add_row(Text(printable(trial.label)), f"{trial.seen}/{trial.rounds}", accuracy)
        if len(running) > SHOWN:
            table.add_row(Text(f"and {len(running) - SHOWN} more", style="dim"), "", "")
        return Group(Text(self.summary, style="bold"), table)
