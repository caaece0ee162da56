"""Take finished trials out of the results so that they are run again; nothing is deleted."""

from collections.abc import Iterable, Iterator

from dalbt_ray.results.published import find_published
from dalbt_ray.results.quarantine import quarantine, trial_files
from dalbt_ray.results.storage.lease import Lease
from dalbt_ray.results.storage.protocol import Storage


def set_aside(storage: Storage, trial_ids: Iterable[str], lease: Lease) -> str:
    """Move the files of published trials to `quarantine/`, manifest first; the folder they are in now.

    A trial of a bundle stays in the bundle, which no longer counts for it.

    Raises:
        InputError: the lease was lost, before the first trial or between two: the others may be the new owner's.
    """
    chosen, bundle = sorted(trial_ids), find_published(storage).bundle
    lease.confirm()

    def files() -> Iterator[str]:
        for trial_id in chosen:
            lease.confirm()
            if bundle is not None and trial_id in bundle.trial_ids:
                storage.create(bundle.continued_file(trial_id), b"")
            yield from trial_files(trial_id)

    return quarantine(
        storage, files(), [f"trial {trial_id} was set aside, to be run again" for trial_id in chosen]
    )
