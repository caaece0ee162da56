"""A published trial on the disk: where its files are, and how they are read and compared with the manifest."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pyarrow as pa

from dalbt_ray.errors import InputError
from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.schemas import TABLES, Table, decode
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, unseal

MANIFESTS = "trials"


def table_file(table: Table, trial_id: str) -> str:
    """Where a trial's part of a table lies."""
    return f"{table}/{trial_id}.parquet"


def manifest_file(trial_id: str) -> str:
    """Where a trial's manifest lies."""
    return f"{MANIFESTS}/{trial_id}.json"


def committed_ids(storage: Storage) -> set[str]:
    """Ids of the published trials, from the names of the manifests alone."""
    stems = (name.removesuffix(".json") for name in storage.entries(MANIFESTS) if name.endswith(".json"))
    return {stem for stem in stems if is_trial_id(stem)}


def read_manifest(storage: Storage, trial_id: str) -> dict[str, Any]:
    """A published trial's manifest.

    Raises:
        FileNotFoundError: the trial is not published.
        DamagedError: the manifest is torn, altered, or another trial's.
    """
    manifest = unseal("trial", storage.read(manifest_file(trial_id)))
    if manifest.get("trial_id") != trial_id:
        raise DamagedError("is the manifest of another trial")
    try:
        complete = all({"sha256", "rows"} <= manifest["files"][table].keys() for table in TABLES)
    except (KeyError, TypeError, AttributeError):
        complete = False
    if not complete:
        raise DamagedError("does not list the three tables")
    return manifest


def read_table(storage: Storage, manifest: Mapping[str, Any], table: Table) -> pa.Table:
    """A published trial's part of a table, compared with the manifest.

    The place follows from the trial's id; a path that the manifest may name is never followed.

    Raises:
        DamagedError: missing, altered, or of another shape; the message does not name the file.
    """
    trial_id, listed = manifest["trial_id"], manifest["files"][table]
    try:
        data = storage.read(table_file(table, trial_id))
    except FileNotFoundError as error:
        raise DamagedError("is missing") from error
    if sha256(data).hexdigest() != listed["sha256"]:
        raise DamagedError("was altered: its SHA-256 differs from the manifest's")
    found = decode(table, data)
    if found.num_rows != listed["rows"]:
        raise DamagedError(f"has {found.num_rows} rows; the manifest says {listed['rows']}")
    return found


def read_trial(storage: Storage, trial_id: str) -> dict[Table, pa.Table]:
    """A published trial's part of each table, for callers that cannot go on without it.

    Raises:
        InputError: a file is damaged; names it and the remedy.
    """
    manifest, found = read_manifest_or_refuse(storage, trial_id), {}
    for table in TABLES:
        try:
            found[table] = read_table(storage, manifest, table)
        except DamagedError as error:
            raise _refusal(storage, table_file(table, trial_id), error) from error
    return found


def read_manifest_or_refuse(storage: Storage, trial_id: str) -> dict[str, Any]:
    """A published trial's manifest, for callers that cannot go on without it.

    Raises:
        InputError: not published, or damaged; names the file and the remedy.
    """
    try:
        return read_manifest(storage, trial_id)
    except FileNotFoundError as error:
        raise InputError("trial", trial_id, f"is not published in {storage.location}") from error
    except DamagedError as error:
        raise _refusal(storage, manifest_file(trial_id), error) from error


def _refusal(storage: Storage, name: str, error: DamagedError) -> InputError:
    return InputError(
        "results", f"{storage.location}/{name}", str(error), remedy=f"run `dalbt verify {storage.location}`"
    )
