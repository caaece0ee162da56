"""A published trial's single files: the manifest against its seal and its own id, the tables against the manifest."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from dalbt_ray.results.checking.finding import UNUSABLE, Finding, finding
from dalbt_ray.results.published import manifest_file, read_manifest, read_table, table_file
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage.protocol import Storage

Identify = Callable[[Mapping[str, Any]], str]
"""The trial id that follows from a manifest's configuration; empty where that cannot be told."""


def check_trial(
    storage: Storage, trial_id: str, bundled: Mapping[str, str], identify: Identify
) -> Iterator[Finding]:
    """Problems of a published trial's single files.

    Args:
        storage: the results folder.
        trial_id: the trial.
        bundled: the SHA-256 of its tables in the bundle that counts for it; empty if none does.
        identify: see `Identify`.
    """
    name = manifest_file(trial_id)
    try:
        manifest = read_manifest(storage, trial_id)
    except FileNotFoundError:
        return  # it was continued meanwhile
    except UNUSABLE as error:
        yield finding(name, error, trial_id)
        return
    yield from check_id(name, manifest, identify)
    for table in TABLES:
        yield from _check_table(storage, manifest, table)
    listed = {table: manifest["files"][table]["sha256"] for table in TABLES}
    if bundled and any(bundled[table] != listed[table] for table in ("rounds", "selections")):
        # An old bundle, copied back: its numbers are the ones that are read.
        problem = "has another result than the bundle, whose numbers are read: `dalbt compact`, or remove one of them"
        yield Finding(name, problem, trial_id, "contradictory")


def check_id(name: str, manifest: Mapping[str, Any], identify: Identify) -> Iterator[Finding]:
    """Whether a manifest's configuration is the one that its trial was named for."""
    trial_id, found = manifest["trial_id"], identify(manifest)
    if found not in ("", trial_id):
        problem = (
            f"says of trial {trial_id} what trial {found} would say: its configuration is not what was run"
        )
        yield Finding(name, problem, trial_id, "contradictory")


def duplicates(name: str, trial_id: str, found: pa.Table) -> Iterator[Finding]:
    """Rows of one key."""
    keys = [key for key in ("trial_id", "round", "rank") if key in found.column_names]
    if found.group_by(keys).aggregate([]).num_rows != found.num_rows:
        problem = f"has two rows of the same {' and '.join(keys)}"
        yield Finding(name, problem, trial_id, "contradictory")


def _check_table(storage: Storage, manifest: dict[str, Any], table: Table) -> Iterator[Finding]:
    trial_id = manifest["trial_id"]
    name = table_file(table, trial_id)
    try:
        found = read_table(storage, manifest, table)
    except UNUSABLE as error:
        yield finding(name, error, trial_id)
        return
    if found.num_rows != manifest["files"][table]["rows"]:
        problem = "has another number of rows than the manifest says"
        yield Finding(name, problem, trial_id, "contradictory")
    if set(found["trial_id"].unique().to_pylist()) - {trial_id}:
        yield Finding(name, "has rows of another trial", trial_id, "contradictory")
    yield from duplicates(name, trial_id, found)
