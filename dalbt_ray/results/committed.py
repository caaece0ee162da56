"""The committed rounds of one trial, finished or running."""

from dalbt_ray.results.published import find_published
from dalbt_ray.results.records import Record
from dalbt_ray.results.results_store import ResultsStore
from dalbt_ray.results.table_rows import records_of


def committed_records(store: ResultsStore, trial_id: str) -> list[Record]:
    """The trial's committed rounds, finished or running, round 0 first; none if it has not begun.

    Of a finished trial without the query of the last round, which is in no table.

    Raises:
        InputError: the trial is published and a file of it is damaged, or a file of it is of a newer format.
    """
    published = find_published(store.storage)
    try:
        return records_of(published.tables(published.manifest(trial_id)), None)
    except FileNotFoundError:
        return store.journal(trial_id).peek()


def published_records(store: ResultsStore, trial_id: str) -> list[Record]:
    """The rounds of a finished trial, round 0 first; the query of the last one, which is in no table, is left out.

    Raises:
        InputError: the trial is not published, or a file of it is damaged.
    """
    manifest = store.manifest(trial_id)
    return records_of(find_published(store.storage).tables(manifest), None)
