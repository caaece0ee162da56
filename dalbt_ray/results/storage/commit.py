"""How a finished trial is published: its tables first, then the manifest, whose appearance is the commit.

Every step may be the last one before a crash, and every step may be repeated.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from dalbt_ray.results.conflict import refuse_difference
from dalbt_ray.results.published import committed_ids, manifest_file, read_manifest, table_file
from dalbt_ray.results.schemas import TABLES, Row, Table, decode, encode, to_table
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, seal


def publish(
    storage: Storage, trial_id: str, manifest: Mapping[str, Any], rows: Mapping[Table, Sequence[Row]]
) -> None:
    """Publish a trial unless it is published already with the same rounds and selections.

    Raises:
        ConflictError: it is published with other rounds or selections.
        ValueError: rows that do not fit their table.
    """
    ours = {table: to_table(table, rows[table]) for table in TABLES}
    encoded = {table: encode(ours[table]) for table in TABLES}
    if trial_id not in committed_ids(storage):
        for table in TABLES:
            encoded[table] = _place(storage, trial_id, table, encoded[table])
        files = {
            table: {
                "path": table_file(table, trial_id),
                "rows": ours[table].num_rows,
                "bytes": len(encoded[table]),
                "sha256": sha256(encoded[table]).hexdigest(),
            }
            for table in TABLES
        }
        sealed = seal("trial", {"trial_id": trial_id, **manifest, "files": files})
        if storage.create(manifest_file(trial_id), sealed):
            return
    # A twin was first: another driver that took the trial over, or this one before a crash.
    committed = read_manifest(storage, trial_id)["files"]
    deterministic: tuple[Table, ...] = ("rounds", "selections")
    refuse_difference(
        {table: committed[table]["sha256"] for table in deterministic},
        {table: sha256(encoded[table]).hexdigest() for table in deterministic},
        f"trial {trial_id}",
    )


def _place(storage: Storage, trial_id: str, table: Table, data: bytes) -> bytes:
    """Put one table file in its place; what lies there in the end.

    A file that is there without a manifest was left by a crash, or by a twin that is publishing at this moment. Rounds
    and selections are the same in both cases. Timings are not, so those of the twin stay: its manifest may list them
    already.
    """
    name = table_file(table, trial_id)
    if storage.create(name, data):
        return data
    present = storage.read(name)
    if present == data or (table == "timings" and _same_rounds(present, data)):
        return present
    storage.write(name, data)
    return data


def _same_rounds(present: bytes, ours: bytes) -> bool:
    try:
        found = decode("timings", present)
    except DamagedError:
        return False
    keys = ["trial_id", "round"]
    return bool(found.select(keys).equals(decode("timings", ours).select(keys)))
