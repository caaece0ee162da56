"""Gather the finished trials of a results folder in a bundle: for thousands of them, or a study in a repository."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from dalbt_ray.errors import InputError
from dalbt_ray.results.bundle import (
    CONTINUED,
    FILE_BYTES,
    FOLDER,
    INDEX,
    KIND,
    STAGED,
    open_bundle,
    table_name,
)
from dalbt_ray.results.load import open_results, read_published
from dalbt_ray.results.manifest_lines import PACKED, PLAIN, lines_of, pack, parse
from dalbt_ray.results.parquet_bounds import UNPACKED_BYTES, refuse_bomb
from dalbt_ray.results.parquet_form import encode_compactly, join
from dalbt_ray.results.results_store import ResultsStore
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import NewerFormatError, seal

_INSTEAD = "leave the single files as they are: everything reads them too"


def compact(root: str | Path) -> int:
    """Write the bundle of all finished trials into their folder, where the single files stay; how many they are.

    Args:
        root: a results folder that no sweep is using; `gather` writes to a new one.

    Raises:
        InputError: not a results folder, or in use; a damaged file (named; `dalbt verify` fixes that); more than a
            bundle can hold.
    """
    storage = open_results(root)
    with ResultsStore(root).lease() as lease:
        manifests, parts = read_published(storage)
        lease.confirm()
        write_bundle(storage, manifests, parts)
    return len(manifests)


def write_bundle(
    storage: Storage, manifests: Mapping[str, dict[str, Any]], parts: Mapping[Table, list[pa.Table]]
) -> None:
    """Put a bundle of these trials into the place of the one that is there.

    Args:
        storage: the results folder.
        manifests: by trial id.
        parts: each table in any number of parts and any order.

    Raises:
        InputError: a file of it would be larger than what is read; nothing is written.
    """
    lines = lines_of(manifests)
    _refuse_more(PACKED, len(lines), FILE_BYTES)
    with _as_is_read(PACKED):
        parse(lines)
    files = {PACKED: pack(lines)}
    for table in TABLES:
        rows = join(table, parts[table]).combine_chunks()
        _refuse_more(table_name(table), rows.nbytes, UNPACKED_BYTES)
        keys = [(name, "ascending") for name in ("trial_id", "round", "rank") if name in rows.column_names]
        files[table_name(table)] = encode_compactly(rows.sort_by(keys))
        with _as_is_read(table_name(table)):
            refuse_bomb(files[table_name(table)])
    for name, data in files.items():
        _refuse_more(name, len(data), FILE_BYTES)
    hashes = {name: sha256(data).hexdigest() for name, data in files.items()}
    index = {"trial_ids": sorted(manifests), "files": hashes, "unpacked_bytes": len(lines)}
    _replace(storage, {**files, INDEX: seal(KIND, index)})


def _refuse_more(name: str, needed: int, limit: int) -> None:
    if needed > limit:
        raise InputError("bundle", name, f"takes {needed:,} bytes, more than is read", remedy=_INSTEAD)


@contextmanager
def _as_is_read(name: str) -> Iterator[None]:
    """What a reader would refuse is not written."""
    try:
        yield
    except NewerFormatError as error:
        raise InputError("bundle", name, str(error), remedy=_INSTEAD) from error


def _replace(storage: Storage, files: Mapping[str, bytes]) -> None:
    """Write the files of a bundle, the index last, so that there is a whole bundle at every moment.

    A staged bundle counts once it has its index; then the other one is overwritten, and the staged one goes.
    """
    _settle(storage)  # what a crash left there
    for name, data in files.items():
        storage.write(f"{STAGED}/{name}", data)
    _settle(storage)


def _settle(storage: Storage) -> None:
    """Move a staged bundle to its place, if there is a whole one, and remove what is out of date."""
    staged = open_bundle(storage)
    if staged is not None and staged.folder == STAGED:
        for name in (*staged.files, INDEX):
            storage.write(f"{FOLDER}/{name}", storage.read(f"{STAGED}/{name}", FILE_BYTES))
        for name in {PACKED, PLAIN} - staged.files.keys():  # what the bundle that was there had
            storage.delete(f"{FOLDER}/{name}")
        storage.delete(f"{STAGED}/{INDEX}")
    storage.delete_folder(STAGED)
    settled = open_bundle(storage)
    for entry in storage.entries(CONTINUED):
        if settled is None or entry.rstrip("/") != settled.name:
            storage.delete_folder(f"{CONTINUED}/{entry.rstrip('/')}")
