"""Keep the report of a running sweep up to date until the sweep is through."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from dalbt_ray.report.in_store import report_on
from dalbt_ray.report.study import Study, read_study
from dalbt_ray.report.wording import counted

INTERVAL = 20.0
"""Seconds between two looks at the results, and between two reloads of the page."""


def follow_report(
    results: Path | str,
    out_dir: Path | str | None = None,
    *,
    data_root: Path | None = None,
    interval: float = INTERVAL,
    wait: Callable[[float], object] | None = None,
) -> Iterator[str]:
    """Write the report, and again whenever there are new rounds, until every planned trial has finished or failed.

    The page loads itself again every `interval` seconds, and keeps what was chosen in it. The last one does not.

    Args:
        results: a results folder or URI.
        out_dir: where to write; beside the results by default, in a store too.
        data_root: the same.
        interval: seconds.
        wait: called with `interval` between two looks.

    Yields:
        A line for the terminal after every report that was written: the page first, then how far the sweep is.

    Raises:
        InputError: not a results folder, or damaged.
    """
    wait = wait or Event().wait
    seen: tuple[int, ...] | None = None
    while True:
        study = read_study(results)
        over = is_over(study)
        state = (len(study.rounds), len(study.finished), len(study.failures))
        if state != seen or over:
            page = report_on(study, results, out_dir, refresh=0 if over else interval, data_root=data_root)
            yield f"{page}  {progress(study)}" if seen is None else progress(study)
        if over:
            return
        seen = state
        wait(interval)


def is_over(study: Study) -> bool:
    """Whether nothing is left to wait for: as many trials have finished or failed as there are."""
    return study.total > 0 and len(study.finished) + len(study.failures) >= study.total


def progress(study: Study) -> str:
    """`54 of 2,000 trials finished, 4 running`."""
    failed = f", {len(study.failures):,} failed" if study.failures else ""
    done = f"{len(study.finished):,} of {counted(study.total, 'trial')} finished"
    return f"{done}, {len(study.running):,} running{failed}"
