"""Results as pandas frames, of finished sweeps and running ones alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dalbt_ray.errors import InputError
from dalbt_ray.results.bundle import FOLDER as BUNDLE
from dalbt_ray.results.parallel import each
from dalbt_ray.results.parquet_form import join
from dalbt_ray.results.published import Published, find_published, published_trial
from dalbt_ray.results.refusal import refusal
from dalbt_ray.results.schemas import SCHEMAS, TABLES, WHOLE, Table, to_table
from dalbt_ray.results.storage.folder import no_results_folder, read_sweep
from dalbt_ray.results.storage.journal import FOLDER as JOURNALS
from dalbt_ray.results.storage.journal import RunningTrial, running_trials
from dalbt_ray.results.storage.location import open_storage
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError
from dalbt_ray.results.table_rows import tables
from dalbt_ray.results.trial_frame import trial_frame

T = TypeVar("T")

ATTEMPTS = 3
"""A trial may be continued, or a bundle replaced, while they are read: then they are looked up again."""


@dataclass(frozen=True)
class Results:
    """The three tables, sorted by trial and round, and the trials. docs/results.md says what the columns mean.

    Attributes:
        rounds: one row a round.
        selections: one row an acquired image.
        timings: one row a round.
        trials: one row a trial, indexed by `trial_id`: one column an entry of its configuration (`strategy.name`,
            `training.epochs`, ...; missing where a trial has no such option; lists as JSON), `status` (`running`, or
            what its manifest says) and `rounds_done`.
    """

    rounds: pd.DataFrame
    selections: pd.DataFrame
    timings: pd.DataFrame
    trials: pd.DataFrame = field(default_factory=lambda: trial_frame({}))


def load_results(root: str | Path, *, include_running: bool = False) -> Results:
    """Read the tables of a results folder or URI. Every file is compared with its recorded SHA-256.

    Args:
        root: `results/<sweep>`, or a URI such as `s3://bucket/sweep`.
        include_running: add the committed rounds of trials that are not finished.

    Raises:
        InputError: not a results folder, or a file of it is damaged (named; `dalbt verify` fixes that) or of a newer
            format.
    """
    storage = open_results(root)
    # Journals first: a trial that is published meanwhile is then found among the finished ones.
    running = running_trials(storage) if include_running else {}
    manifests, parts = read_published(storage)
    running = {key: trial for key, trial in running.items() if key not in manifests}
    for trial_id, trial in running.items():
        try:
            for table, rows in tables(trial_id, trial.records).items():
                parts[table].append(to_table(table, rows))
        except ValueError as error:  # sealed, and more than a column can hold
            name = f"{JOURNALS}/{trial_id}"
            raise refusal(storage.location, name, NewerFormatError(str(error))) from error
    try:
        frames = {table: _frame(table, parts[table]) for table in TABLES}
    except NewerFormatError as error:
        raise refusal(storage.location, "", error) from error
    return Results(**frames, trials=trial_frame(_trials(manifests, running)))


def load_manifests(root: str | Path) -> dict[str, dict[str, Any]]:
    """The manifests of the finished trials by trial id: configuration, versions, data hash, files.

    Raises:
        InputError: not a results folder, or a manifest is damaged or of a newer format.
    """
    storage = open_results(root)
    return looked_up(storage, Published.manifests)


def open_results(root: str | Path) -> Storage:
    """The storage of a results folder.

    Raises:
        InputError: it is none.
    """
    storage = open_storage(root)
    if read_sweep(storage) is None:
        raise no_results_folder(storage)
    return storage


def looked_up(storage: Storage, read: Callable[[Published], T]) -> T:
    """What `read` finds in the published trials; looked up again if one of them moves meanwhile.

    What is whole and yet unknown to this version has not moved, and costs most where it was made to harm: it is refused
    at the first look.

    Raises:
        InputError: a file is damaged or of a newer format.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return read(find_published(storage))
        except FileNotFoundError:
            continue
        except InputError as error:
            if isinstance(error.__cause__, NewerFormatError):
                raise
    return read(find_published(storage))


def read_published(storage: Storage) -> tuple[dict[str, dict[str, Any]], dict[Table, list[pa.Table]]]:
    """The manifests of the published trials by id, and their tables in parts.

    Raises:
        InputError: a file is damaged or of a newer format.
    """
    return looked_up(storage, _read_all)


def _read_all(published: Published) -> tuple[dict[str, dict[str, Any]], dict[Table, list[pa.Table]]]:
    manifests = published.manifests()
    parts: dict[Table, list[pa.Table]] = {table: [] for table in TABLES}
    for found in each(published.tables, [manifests[trial_id] for trial_id in sorted(published.single)]):
        for table in TABLES:
            parts[table].append(found[table])
    if published.bundle is not None:
        for table in TABLES:
            try:
                found_table = published.bundle.table(table)
            except (DamagedError, NewerFormatError) as error:
                raise refusal(published.storage.location, BUNDLE, error) from error
            if published.bundle.continued:
                kept = pa.array(sorted(published.bundled), pa.string())
                found_table = found_table.filter(pc.is_in(found_table["trial_id"], value_set=kept))
            parts[table].append(found_table)
    return manifests, parts


def _trials(
    manifests: dict[str, dict[str, Any]], running: dict[str, RunningTrial]
) -> dict[str, tuple[dict[str, Any], str, int]]:
    finished = {
        key: (
            manifest.get("config") or {},
            published_trial(manifest).status,
            published_trial(manifest).rounds,
        )
        for key, manifest in manifests.items()
    }
    return finished | {key: (trial.config, "running", len(trial.records)) for key, trial in running.items()}


def _frame(table: Table, parts: list[pa.Table]) -> pd.DataFrame:
    # Each part is in order, so millions of rows are sorted only if parts interleave: singles and a bundle.
    parts = sorted((part for part in parts if len(part)), key=lambda part: part["trial_id"][0].as_py())
    rows = join(table, parts)
    if any(one["trial_id"][-1].as_py() >= two["trial_id"][0].as_py() for one, two in pairwise(parts)):
        keys = [(name, "ascending") for name in ("trial_id", "round", "rank") if name in rows.column_names]
        rows = rows.sort_by(keys)
    frame = rows.to_pandas()
    # A whole number that may be missing: pandas would make it a float in some folders and not in others.
    optional = {field.name: "Int64" for field in SCHEMAS[table] if field.nullable and field.type == WHOLE}
    typed: pd.DataFrame = frame.astype(optional)
    return typed
