"""Results as pandas frames, of finished sweeps and running ones alike."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa

from dalbt_ray.errors import InputError
from dalbt_ray.results.bundle import read_snapshot
from dalbt_ray.results.published import committed_ids, read_manifest_or_refuse, read_trial
from dalbt_ray.results.records import Record, tables
from dalbt_ray.results.schemas import SCHEMAS, TABLES, WHOLE, Table, to_table
from dalbt_ray.results.storage.folder import read_sweep
from dalbt_ray.results.storage.journal import read_rounds, unfinished
from dalbt_ray.results.storage.protocol import Storage, open_storage
from dalbt_ray.results.storage.sealed import DamagedError

K = TypeVar("K")
V = TypeVar("V")

READERS = 8
"""Files read at once: what makes many small ones in an object store bearable."""


@dataclass(frozen=True)
class Results:
    """The three tables, sorted by trial and round. docs/results.md says what the columns mean.

    Attributes:
        rounds: one row a round.
        selections: one row an acquired image.
        timings: one row a round.
    """

    rounds: pd.DataFrame
    selections: pd.DataFrame
    timings: pd.DataFrame


def load_results(root: str | Path, *, include_running: bool = False) -> Results:
    """Read the tables of a results folder or URI. Every file is compared with its recorded SHA-256.

    Args:
        root: `results/<sweep>`, or a URI such as `s3://bucket/sweep`.
        include_running: add the committed rounds of trials that are not finished.

    Raises:
        InputError: not a results folder, or a file of it is damaged (named; `dalbt verify` fixes that).
    """
    storage = _open(root)
    # Journals first: a trial that is published meanwhile is then found among the finished ones.
    running = _journals(storage) if include_running else {}
    ids = committed_ids(storage)
    try:
        parts = read_snapshot(storage, ids)
    except DamagedError:
        parts = None  # being replaced at this moment, or damaged, which is for `verify` to say
    if parts is None:
        trials = _each(lambda trial_id: read_trial(storage, trial_id), sorted(ids))
        parts = {table: [trial[table] for trial in trials] for table in TABLES}
    for trial_id, records in running.items():
        if trial_id not in ids:
            for table, rows in tables(trial_id, records).items():
                parts[table].append(to_table(table, rows))
    return Results(**{table: _frame(table, parts[table]) for table in TABLES})


def load_manifests(root: str | Path) -> dict[str, dict[str, Any]]:
    """The manifests of the finished trials by trial id: configuration, versions, data hash, files.

    Raises:
        InputError: not a results folder, or a manifest is damaged.
    """
    storage = _open(root)
    ids = sorted(committed_ids(storage))
    return dict(
        zip(ids, _each(lambda trial_id: read_manifest_or_refuse(storage, trial_id), ids), strict=True)
    )


def _open(root: str | Path) -> Storage:
    storage = open_storage(root)
    if read_sweep(storage) is None:
        raise InputError("results", storage.location, "is not a results folder: it has no sweep.json")
    return storage


def _journals(storage: Storage) -> dict[str, list[Record]]:
    return {trial_id: read_rounds(storage, trial_id)[0] for trial_id in sorted(unfinished(storage))}


def _each(call: Callable[[K], V], items: Iterable[K]) -> list[V]:
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(call, items))


def _frame(table: Table, parts: list[pa.Table]) -> pd.DataFrame:
    schema = SCHEMAS[table]
    # Each part is in order, so millions of rows are sorted only if parts interleave: a running trial and a snapshot.
    parts = sorted((part for part in parts if len(part)), key=lambda part: part["trial_id"][0].as_py())
    rows = pa.concat_tables([schema.empty_table(), *parts])
    if any(one["trial_id"][-1].as_py() >= two["trial_id"][0].as_py() for one, two in pairwise(parts)):
        keys = [(name, "ascending") for name in ("trial_id", "round", "rank") if name in schema.names]
        rows = rows.sort_by(keys)
    frame = rows.to_pandas()
    # A whole number that may be missing: pandas would make it a float in some folders and not in others.
    optional = {field.name: "Int64" for field in schema if field.nullable and field.type == WHOLE}
    typed: pd.DataFrame = frame.astype(optional)
    return typed
