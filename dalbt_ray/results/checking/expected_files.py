"""What should exist, by the index of the trials: what of it is gone, and what is not what was committed."""

from collections.abc import Iterator
from hashlib import sha256

from dalbt_ray.results.checking.finding import UNUSABLE, Finding, finding
from dalbt_ray.results.published import manifest_file
from dalbt_ray.results.storage import journal
from dalbt_ray.results.storage.expected import Expected, index_file, indexed_ids, read_expected
from dalbt_ray.results.storage.protocol import Storage


def read_index(storage: Storage) -> tuple[dict[str, Expected], list[Finding]]:
    """What should exist of each trial of which that is known, and the problems of the index itself."""
    found, findings = {}, []
    for trial_id in indexed_ids(storage):
        try:
            found[trial_id] = read_expected(storage, trial_id)
        except FileNotFoundError:
            continue  # moved to quarantine meanwhile
        except UNUSABLE as error:
            findings.append(finding(index_file(trial_id), error))
    return found, findings


def check_expected(
    storage: Storage, index: dict[str, Expected], running: set[str], single: set[str], bundled: set[str]
) -> Iterator[Finding]:
    """Problems of what the index names and of nothing else.

    Args:
        storage: the results folder.
        index: what should exist, by trial.
        running: trials that have a journal.
        single: trials that have a manifest of their own.
        bundled: trials that the bundle counts for.
    """
    for trial_id, expected in index.items():
        name = manifest_file(trial_id)
        if trial_id in single:
            if expected.manifest:
                yield from _check_manifest(storage, name, trial_id, expected)
        elif trial_id in bundled:
            continue
        elif expected.manifest:
            yield Finding(name, "is missing: the trial was published", trial_id, "missing")
        elif expected.rounds and trial_id not in running:
            count, folder = len(expected.rounds), f"{journal.FOLDER}/{trial_id}/"
            yield Finding(folder, f"is missing: {count} rounds were committed", trial_id, "missing")


def _check_manifest(storage: Storage, name: str, trial_id: str, expected: Expected) -> Iterator[Finding]:
    try:
        data = storage.read(name)
    except UNUSABLE:
        return  # it was continued meanwhile, or is told of with the trial's other files
    if sha256(data).hexdigest() != expected.manifest:
        yield Finding(name, "is not the manifest that was committed", trial_id, "contradictory")
