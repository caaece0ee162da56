"""How a finished trial is published: its tables first, then the manifest, whose appearance is the commit.

Every step may be the last one before a crash, and every step may be repeated.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pyarrow as pa

from dalbt_ray.results.conflict import refuse_difference
from dalbt_ray.results.parquet_form import conform, decode, encode
from dalbt_ray.results.published import (
    TABLE_BYTES,
    find_published,
    manifest_file,
    published_trial,
    table_file,
)
from dalbt_ray.results.records import Record
from dalbt_ray.results.schemas import TABLES, Table, to_table
from dalbt_ray.results.storage.expected import expect_manifest
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.reopen import reopen
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal
from dalbt_ray.results.table_rows import tables


def publish(storage: Storage, trial_id: str, manifest: Mapping[str, Any], records: Sequence[Record]) -> None:
    """Publish a trial; nothing changes if it is published with these rounds already, or with these and more.

    Raises:
        ConflictError: it is published with other rounds or selections.
        ValueError: rows that do not fit their table.
    """
    rows = tables(trial_id, records)
    ours = {table: to_table(table, rows[table]) for table in TABLES}
    while trial_id in find_published(storage).ids or not _commit(storage, trial_id, manifest, records, ours):
        # Another driver that took the trial over was first, or this one before a crash, or with fewer rounds.
        published = find_published(storage)
        try:
            committed = published.manifest(trial_id)
        except FileNotFoundError:
            continue  # it was continued by somebody else just now
        _refuse_other_result(published.tables(committed), ours, trial_id)
        done = published_trial(committed)
        if done.ended or done.rounds >= len(records):
            break
        reopen(storage, trial_id)
    with suppress(FileNotFoundError):  # in a bundle, or continued by somebody else just now
        expect_manifest(storage, trial_id, storage.read(manifest_file(trial_id)))


def _commit(
    storage: Storage,
    trial_id: str,
    manifest: Mapping[str, Any],
    records: Sequence[Record],
    ours: Mapping[Table, pa.Table],
) -> bool:
    """Place the tables, then the manifest; whether this manifest is the one that lies there."""
    files = {}
    for table in TABLES:
        data = _place(storage, trial_id, table, encode(ours[table]))
        files[table] = {
            "path": table_file(table, trial_id),
            "rows": ours[table].num_rows,
            "bytes": len(data),
            "sha256": sha256(data).hexdigest(),
        }
    query = records[-1].query if records else None
    content = {
        "trial_id": trial_id,
        **manifest,
        "next_query": None if query is None else query.to_json(),
        "files": files,
    }
    return storage.create(manifest_file(trial_id), seal("trial", content))


def _place(storage: Storage, trial_id: str, table: Table, data: bytes) -> bytes:
    """Put one table file in its place; what lies there in the end.

    A file that is there without a manifest was left by a crash, holds the first rounds of a trial that is being
    continued, or comes from another driver that is publishing at this moment. Rounds and selections of such a driver
    are the same as ours. Timings are not, so its timings stay: its manifest may list them already.
    """
    name = table_file(table, trial_id)
    if storage.create(name, data):
        return data
    try:
        present = storage.read(name, TABLE_BYTES)
    except DamagedError:
        present = b""
    if present == data or (table == "timings" and _same_rounds(present, data)):
        return present
    storage.write(name, data)
    return data


def _same_rounds(present: bytes, ours: bytes) -> bool:
    try:
        found = decode("timings", present)
    except (DamagedError, NewerFormatError):
        return False
    keys = ["trial_id", "round"]
    return bool(found.select(keys).equals(decode("timings", ours).select(keys)))


def _refuse_other_result(
    theirs: Mapping[Table, pa.Table], ours: Mapping[Table, pa.Table], trial_id: str
) -> None:
    """Compare the rounds that both have.

    Raises:
        ConflictError: they differ.
    """
    shared = min(theirs["rounds"].num_rows, ours["rounds"].num_rows)
    deterministic: tuple[Table, ...] = ("rounds", "selections")
    refuse_difference(
        {table: _rows(theirs[table], table, shared) for table in deterministic},
        {table: _rows(ours[table], table, shared) for table in deterministic},
        f"trial {trial_id}",
    )


def _rows(found: pa.Table, table: Table, rounds: int) -> list[dict[str, Any]]:
    """The rows of the first rounds, without what is missing: an older file lacks columns that are null here."""
    rows = conform(table, found).to_pylist()
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in rows
        if row["round"] < rounds
    ]
