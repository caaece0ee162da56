"""What is shown while a sweep runs."""

import io
import re

from dalbt_ray.launch.progress import Progress
from dalbt_ray.trial.clock import span


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Always."""
        return True


def run_four_trials(progress: Progress, rounds: int) -> None:
    """Four trials, two at a time, the last of which fails."""
    with progress:
        for pair in ((0, 1), (2, 3)):
            for trial in pair:
                progress.started(str(trial), f"set b=10 random seed {trial}", rounds)
            for index in range(rounds):
                for trial in pair:
                    progress.round(str(trial), {"round": index, "test_accuracy": 0.5 + index / 1000})
            for trial in pair:
                if trial == 3:
                    progress.failed("3", "ValueError: as asked")
                else:
                    progress.finished(str(trial))


def test_plain_lines_are_few_and_name_every_trial() -> None:
    """Without a terminal: one line for each trial, no control characters, whatever the number of rounds."""
    stream = io.StringIO()
    run_four_trials(Progress(4, stream=stream, clock=lambda: 0.0), rounds=100)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0] == "[1/4] done    set b=10 random seed 0  59.9%"
    assert lines[3] == "[4/4] failed  set b=10 random seed 3: ValueError: as asked"
    assert "\x1b" not in stream.getvalue()


def test_thousands_of_trials_stay_readable() -> None:
    """5,000 trials in 50 minutes, 1,000 of them failed: a line a minute and the first failures."""
    now, stream = [0.0], io.StringIO()
    with Progress(5_000, stream=stream, clock=lambda: now[0]) as progress:
        for trial in range(5_000):
            now[0] += 0.6
            progress.started(str(trial), f"seed {trial}", 1)
            progress.round(str(trial), {"round": 0, "test_accuracy": None})
            if trial % 5:
                progress.finished(str(trial))
            else:
                progress.failed(str(trial), "ValueError: as asked")
    lines = stream.getvalue().splitlines()
    assert len(lines) < 80
    assert sum("failed  seed" in line for line in lines) == 20
    assert "1000 failed" in progress.summary


def test_a_long_wait_is_broken_by_one_line_a_minute() -> None:
    """Ten minutes of rounds without an end of a trial give about ten lines of totals."""
    now = [0.0]
    stream = io.StringIO()
    with Progress(1, stream=stream, clock=lambda: now[0]) as progress:
        progress.started("a", "a", 10_000)
        for index in range(600):
            now[0] += 1.0
            progress.round("a", {"round": index, "test_accuracy": 0.5})
    lines = stream.getvalue().splitlines()
    assert 8 <= len(lines) <= 10
    assert all(
        re.match(r"0 of 1 trials done, 1 running, \d+ (s|min) so far, about .* to go", line) for line in lines
    )


def test_the_live_block_shows_running_trials_and_keeps_failures() -> None:
    """On a terminal: label, round and accuracy of what runs; a failure stays as a line of its own."""
    stream = Terminal()
    progress = Progress(2, stream=stream, clock=lambda: 0.0)
    with progress:
        progress.started("a", "set b=10 dalbt seed 0", 2)
        progress.round("a", {"round": 0, "test_accuracy": 0.25})
        progress.failed("b", "OSError: disk full")
    shown = stream.getvalue()
    assert "set b=10 dalbt seed 0" in shown
    assert "1/2" in shown
    assert "25.0%" in shown
    assert "[1/2] failed  b: OSError: disk full" in shown


def test_markup_in_a_message_is_shown_as_it_is() -> None:
    """Brackets of an error are no instruction to the console."""
    stream = io.StringIO()
    with Progress(1, stream=stream) as progress:
        progress.say("[red]x[/red] [/] \\[")
    assert stream.getvalue() == "[red]x[/red] [/] \\[\n"


def test_spans_read_naturally() -> None:
    """The unit grows with the length."""
    assert [span(s) for s in (0, 99, 100, 3600, 5900, 6001, 3 * 3600 + 300, 200_000, 9e7)] == [
        "0 s",
        "99 s",
        "2 min",
        "60 min",
        "98 min",
        "1 h 40 min",
        "3 h 05 min",
        "2 d 7 h",
        "1,042 d",
    ]
