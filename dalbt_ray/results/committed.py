"""The committed rounds of one trial: its rows, finished or running, and its records."""

from typing import Any

from dalbt_ray.results.published import find_published
from dalbt_ray.results.records import Record
from dalbt_ray.results.results_store import ResultsStore
from dalbt_ray.results.table_rows import records_of


def committed_rows(store: ResultsStore, trial_id: str) -> list[dict[str, Any]]:
    """The trial's rows of the table `rounds`, round 0 first; none if it has not begun.

    Raises:
        InputError: the trial is published and a file of it is damaged, or a file of it is of a newer format.
    """
    published = find_published(store.storage)
    try:
        rows: list[dict[str, Any]] = published.tables(published.manifest(trial_id))["rounds"].to_pylist()
    except FileNotFoundError:
        return [record.row.columns() for record in store.journal(trial_id).peek()]
    return rows


def published_records(store: ResultsStore, trial_id: str) -> list[Record]:
    """The rounds of a finished trial, round 0 first; the query of the last one, which is in no table, is left out.

    Raises:
        InputError: the trial is not published, or a file of it is damaged.
    """
    manifest = store.manifest(trial_id)
    return records_of(find_published(store.storage).tables(manifest), None)
