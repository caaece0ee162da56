"""How a published trial becomes an unfinished one again, so that it can be asked for more rounds.

Its rounds are written back into the journal; only then its manifest goes. Every step may be the last one before a
crash: until the manifest is gone the trial is published, from then on its journal is whole. The tables stay where they
are, so that pandas keeps seeing the finished rounds, until longer ones replace them.
"""

import logging

from dalbt_ray.errors import InputError
from dalbt_ray.results.bundle import FOLDER as BUNDLE
from dalbt_ray.results.published import find_published, manifest_file, published_trial
from dalbt_ray.results.records import Query
from dalbt_ray.results.refusal import refusal
from dalbt_ray.results.storage.expected import expect_manifest
from dalbt_ray.results.storage.journal import Journal
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import NewerFormatError
from dalbt_ray.results.table_rows import records_of

_log = logging.getLogger(__name__)


def reopen(storage: Storage, trial_id: str) -> None:
    """Make a published trial unfinished; a trial that ended for good stays as it is.

    Where the manifest does not tell the query of the last round, the journal ends before that round, which is then
    trained again.

    Raises:
        FileNotFoundError: the trial is not published.
        InputError: a file of it is damaged, or of a newer format.
        ConflictError: its journal has other rounds than its tables.
    """
    published = find_published(storage)
    manifest = published.manifest(trial_id)
    if published_trial(manifest).ended:
        return
    query = manifest.get("next_query")
    try:
        records = records_of(published.tables(manifest), None if query is None else Query.from_json(query))
    except (NewerFormatError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        name = BUNDLE if trial_id in published.bundled else manifest_file(trial_id)
        newer = (
            error if isinstance(error, NewerFormatError) else NewerFormatError(f"contradicts itself: {error}")
        )
        raise refusal(storage.location, name, newer) from error
    if query is None:
        records = records[:-1]
        _log.warning(
            "%s: trial %s was published without its next query: round %d is trained again",
            storage.location,
            trial_id,
            len(records),
        )
    journal = Journal(storage, trial_id)
    for index, record in enumerate(records):
        journal.commit(index, record)
    journal.begin(manifest.get("config") or {})
    if published.bundle is not None and trial_id in published.bundle.trial_ids:
        storage.create(published.bundle.continued_file(trial_id), b"")
    expect_manifest(storage, trial_id, b"")
    storage.delete(manifest_file(trial_id))
