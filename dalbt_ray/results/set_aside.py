"""Take finished trials out of the results so that they are run again; nothing is deleted."""

from collections.abc import Iterable

from dalbt_ray.results.published import find_published, manifest_file, table_file
from dalbt_ray.results.schemas import TABLES
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.verify import QUARANTINE


def set_aside(storage: Storage, trial_ids: Iterable[str]) -> str:
    """Move the files of published trials to `quarantine/`, manifest first; the folder they are in now.

    A trial of a bundle stays in the bundle, which no longer counts for it.
    """
    place = f"{QUARANTINE}/{len(storage.entries(QUARANTINE)) + 1:04d}"
    published = find_published(storage)
    for trial_id in sorted(trial_ids):
        if published.bundle is not None and trial_id in published.bundle.trial_ids:
            storage.create(published.bundle.continued_file(trial_id), b"")
        # The manifest first: from then on the trial counts as not done, whatever happens to the rest of this.
        for name in (manifest_file(trial_id), *(table_file(table, trial_id) for table in TABLES)):
            folder, _, base = name.rpartition("/")
            if base in storage.entries(folder):
                storage.move(name, f"{place}/{name}")
    return f"{storage.location}/{place}"
