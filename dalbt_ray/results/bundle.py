"""All trials of a table in one file: for sweeps of many hundreds of trials, where opening files takes the time."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from dalbt_ray.results.published import committed_ids, read_trial
from dalbt_ray.results.schemas import SCHEMAS, TABLES, Table, decode, encode
from dalbt_ray.results.storage.protocol import Storage, open_storage
from dalbt_ray.results.storage.sealed import DamagedError, seal, unseal

FOLDER = "snapshot"
INDEX = f"{FOLDER}/index.json"


def compact(root: str | Path) -> int:
    """Write `snapshot/rounds.parquet` and its two sisters, sorted by trial and round; how many trials they hold.

    `load_results` uses them until the next trial is published; then compact again. The files of the trials stay.

    Raises:
        InputError: a file is damaged (named; `dalbt verify` fixes that).
    """
    storage = open_storage(root)
    ids = sorted(committed_ids(storage))
    trials = [read_trial(storage, trial_id) for trial_id in ids]
    # The index goes first and comes last: in between there is no snapshot, never a mixed one.
    storage.delete(INDEX)
    files = {}
    for table in TABLES:
        parts = [trial[table] for trial in trials]
        data = encode(pa.concat_tables([SCHEMAS[table].empty_table(), *parts]).combine_chunks())
        storage.write(_file(table), data)
        files[table] = sha256(data).hexdigest()
    storage.write(INDEX, seal("snapshot", {"trials": len(ids), "trial_ids": _digest(ids), "files": files}))
    return len(ids)


def read_snapshot(storage: Storage, ids: Iterable[str] | None = None) -> dict[Table, list[pa.Table]] | None:
    """The snapshot's tables, each as a list of one; None if there is none, or not of the trials `ids`.

    Raises:
        DamagedError: a file of it is not what was written; the message names it.
    """
    try:
        index = unseal("snapshot", storage.read(INDEX))
    except FileNotFoundError:
        return None
    except DamagedError as error:
        raise DamagedError(f"{INDEX} {error}") from error
    if ids is not None and index.get("trial_ids") != _digest(ids):
        return None
    found: dict[Table, list[pa.Table]] = {}
    for table in TABLES:
        try:
            data = storage.read(_file(table))
        except FileNotFoundError as error:
            raise DamagedError(f"{_file(table)} is missing") from error
        if sha256(data).hexdigest() != index["files"][table]:
            raise DamagedError(f"{_file(table)} was altered: its SHA-256 differs from the index's")
        found[table] = [decode(table, data)]
    return found


def _file(table: Table) -> str:
    return f"{FOLDER}/{table}.parquet"


def _digest(ids: Iterable[str]) -> str:
    return sha256("\n".join(sorted(ids)).encode()).hexdigest()
