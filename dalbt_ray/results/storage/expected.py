"""What should exist of a trial: `index/<trial_id>.json`, so that what was deleted or forged is found.

It is written after the fact: after each committed round, and after the manifest. So it never promises what is not
there, and a crash in between leaves it one step behind, which contradicts nothing. Nothing but `verify` believes it; a
folder without it, from an earlier version or a bundle, is as good as any.
"""

from dataclasses import dataclass
from hashlib import sha256

from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal, unseal

FOLDER = "index"
KIND = "index"


@dataclass(frozen=True)
class Expected:
    """What was written of one trial.

    Attributes:
        rounds: SHA-256 of the file of each committed round, 0 first.
        manifest: SHA-256 of the manifest's file; empty if it is not published, or was not when this was written.
    """

    rounds: tuple[str, ...] = ()
    manifest: str = ""


def index_file(trial_id: str) -> str:
    """Where it lies what should exist of a trial."""
    return f"{FOLDER}/{trial_id}.json"


def indexed_ids(storage: Storage) -> list[str]:
    """The trials of which that is known."""
    stems = (name.removesuffix(".json") for name in storage.entries(FOLDER) if name.endswith(".json"))
    return [stem for stem in stems if is_trial_id(stem)]


def read_expected(storage: Storage, trial_id: str) -> Expected:
    """What should exist of a trial.

    Raises:
        FileNotFoundError: nobody has written that.
        DamagedError, NewerFormatError: it cannot be used.
    """
    content = unseal(KIND, storage.read(index_file(trial_id)))
    rounds, manifest = content.get("rounds"), content.get("manifest")
    if content.get("trial_id") != trial_id:
        raise DamagedError("belongs to another trial")
    if not isinstance(rounds, list) or not isinstance(manifest, str):
        raise NewerFormatError("does not list rounds and manifest as this version knows them")
    return Expected(tuple(map(str, rounds)), manifest)


def expect_round(storage: Storage, trial_id: str, round_index: int, files: list[str], data: bytes) -> None:
    """A round is committed.

    Args:
        storage: the results folder.
        trial_id: the trial.
        round_index: the round.
        files: names of the files of all rounds before it.
        data: what lies in its own file.
    """
    before = _known(storage, trial_id)
    rounds, digest = before.rounds, sha256(data).hexdigest()
    if rounds[round_index : round_index + 1] == (digest,):
        return
    first = rounds[:round_index]
    # A trial that was begun before there were such files: what is there is what was committed.
    first += tuple(sha256(storage.read(name)).hexdigest() for name in files[len(first) :])
    _write(storage, trial_id, Expected((*first, digest), before.manifest))


def expect_manifest(storage: Storage, trial_id: str, data: bytes) -> None:
    """A trial is published, with the manifest `data`; with none, it is about to be continued or run again."""
    before = _known(storage, trial_id)
    digest = sha256(data).hexdigest() if data else ""
    if digest != before.manifest:
        _write(storage, trial_id, Expected(before.rounds, digest))


def _known(storage: Storage, trial_id: str) -> Expected:
    try:
        return read_expected(storage, trial_id)
    except (FileNotFoundError, DamagedError, NewerFormatError):
        return Expected()


def _write(storage: Storage, trial_id: str, expected: Expected) -> None:
    content = {"trial_id": trial_id, "rounds": list(expected.rounds), "manifest": expected.manifest}
    storage.write(index_file(trial_id), seal(KIND, content))
