"""Take finished trials out of the results so that they are run again; nothing is deleted."""

from collections.abc import Iterable

from dalbt_ray.results.published import find_published
from dalbt_ray.results.quarantine import quarantine, trial_files
from dalbt_ray.results.storage.protocol import Storage


def set_aside(storage: Storage, trial_ids: Iterable[str]) -> str:
    """Move the files of published trials to `quarantine/`, manifest first; the folder they are in now.

    A trial of a bundle stays in the bundle, which no longer counts for it.
    """
    chosen, published = sorted(trial_ids), find_published(storage)
    for trial_id in chosen:
        if published.bundle is not None and trial_id in published.bundle.trial_ids:
            storage.create(published.bundle.continued_file(trial_id), b"")
    names = [name for trial_id in chosen for name in trial_files(trial_id)]
    return quarantine(
        storage, names, [f"trial {trial_id} was set aside, to be run again" for trial_id in chosen]
    )
