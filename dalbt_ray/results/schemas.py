"""The columns of the three tables, and how rows become an Arrow table of them."""

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, Literal

import pyarrow as pa

from dalbt_ray.metrics import METRICS

Table = Literal["rounds", "selections", "timings"]
Row = Mapping[str, Any]

TEXT, WHOLE, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
REALS = pa.list_(REAL)


def _schema(
    required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType], order: str
) -> pa.Schema:
    kinds = {**required, **optional}
    return pa.schema([pa.field(name, kinds[name], nullable=name in optional) for name in order.split()])


MEASURES = {metric.column: REALS if metric.per_class or metric.per_pair else REAL for metric in METRICS}
"""Metric columns that every `rounds` file has; other measures join at the end, where a trial has them."""

_FIRST = ("test_accuracy", "test_nll", "test_ece")

ROUNDS = _schema(
    required={
        "trial_id": TEXT, "dataset": TEXT, "ood": TEXT, "strategy": TEXT, "objective": TEXT, "network_id": TEXT,
        "budget": WHOLE, "seed": WHOLE, "round": WHOLE, "n_labeled": WHOLE, "n_unlabeled": WHOLE, "n_bought": WHOLE,
        "n_ood_bought": WHOLE, "n_repeat": WHOLE, "labeled_sha256": TEXT, "status": TEXT, "note": TEXT,
    },
    optional={
        **MEASURES, "purity": REAL, "cumulative_purity": REAL, "pool_ood_share": REAL, "ood_auroc": REAL,
        "train_accuracy": REAL, "validation_accuracy": REAL, "train_loss": REAL, "steps": WHOLE, "converged": FLAG,
        "detector_auroc": REAL,
    },
    # The first eighteen are the public contract, in this order; later columns join at the end and may be null, so that
    # files without them stay readable.
    order="""trial_id dataset ood strategy objective budget seed round n_labeled n_bought n_ood_bought purity
        test_accuracy test_nll test_ece train_accuracy status note
        network_id n_unlabeled n_repeat cumulative_purity pool_ood_share ood_auroc validation_accuracy
        train_loss steps labeled_sha256 converged """
    + " ".join(column for column in MEASURES if column not in _FIRST)
    + " detector_auroc",
)  # fmt: skip
"""One row a round and trial; (trial_id, round) is unique. docs/results.md says what each column means."""

SELECTIONS = _schema(
    required={
        "trial_id": TEXT, "round": WHOLE, "rank": WHOLE, "sample_id": WHOLE, "source": TEXT, "is_ood": FLAG,
        "label": WHOLE, "row": WHOLE,
    },
    optional={"score": REAL, "file": TEXT},
    order="trial_id round rank sample_id source is_ood label score row file",
)  # fmt: skip
"""One row an acquired image; (trial_id, round, rank) is unique."""

TIMINGS = _schema(
    required={
        "trial_id": TEXT, "round": WHOLE, "train_seconds": REAL, "auxiliary_seconds": REAL, "score_seconds": REAL,
        "select_seconds": REAL, "evaluate_seconds": REAL, "total_seconds": REAL, "host": TEXT, "device": TEXT,
        "threads": WHOLE, "peak_memory_mib": REAL, "started_utc": TEXT,
    },
    optional={"cpu": TEXT, "instructions": TEXT, "code": TEXT},
    order="""trial_id round train_seconds auxiliary_seconds score_seconds select_seconds evaluate_seconds total_seconds
        host device threads peak_memory_mib started_utc cpu instructions code""",
)  # fmt: skip
"""One row a round and trial: what was observed and differs from run to run."""

SCHEMAS: dict[Table, pa.Schema] = {"rounds": ROUNDS, "selections": SELECTIONS, "timings": TIMINGS}
TABLES: tuple[Table, ...] = ("rounds", "selections", "timings")


def to_table(table: Table, rows: Sequence[Row]) -> pa.Table:
    """The rows as an Arrow table: the table's columns, then further measures of `rounds` in the order of their names.

    Raises:
        ValueError: a column that the table does not have, a value that does not fit, a missing value where one is
            required, a NaN or an infinity; the message names table and column.
    """
    known = SCHEMAS[table]
    further = sorted(
        {name for row in rows for name, value in row.items() if value is not None} - set(known.names)
    )
    if further and table != "rounds":
        raise ValueError(f"{table}: unknown column {further[0]!r}; add it to dalbt_ray/results/schemas.py")
    measures = [pa.field(name, _measure_type([row.get(name) for row in rows])) for name in further]
    schema = pa.schema([*known, *measures])
    return pa.Table.from_arrays([_column(table, field, rows) for field in schema], schema=schema)


def _measure_type(values: Sequence[object]) -> pa.DataType:
    return REALS if any(isinstance(value, list | tuple) for value in values) else REAL


def _column(table: Table, field: pa.Field, rows: Sequence[Row]) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    try:
        if field.type == WHOLE:
            # pyarrow would silently cut 1.5 down to 1.
            values = [None if value is None else index(value) for value in values]
        column = pa.array(values, type=field.type)
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise ValueError(f"{table}: column {field.name!r}: {error}") from error
    if column.null_count and not field.nullable:
        raise ValueError(f"{table}: column {field.name!r} is missing in row {values.index(None)}")
    if field.type in (REAL, REALS):
        for position, value in enumerate(values):
            for number in value if field.type == REALS and value is not None else [value]:
                _refuse_not_finite(table, field.name, position, number)
    return column


def _refuse_not_finite(table: Table, column: str, position: int, number: float | None) -> None:
    if number is not None and number - number != 0:
        raise ValueError(f"{table}: column {column!r} is {number} in row {position}; record null instead")
