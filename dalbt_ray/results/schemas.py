"""The three tables: their columns, and how rows become bytes and bytes become rows again.

Files of equal content are equal byte for byte (same pyarrow version): no clock, no pandas metadata, fixed settings.
"""

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from dalbt_ray.results.storage.sealed import DamagedError

Table = Literal["rounds", "selections", "timings"]
Row = Mapping[str, Any]

TEXT, WHOLE, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()


def _schema(
    required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType], order: str
) -> pa.Schema:
    kinds = {**required, **optional}
    return pa.schema([pa.field(name, kinds[name], nullable=name in optional) for name in order.split()])


ROUNDS = _schema(
    required={
        "trial_id": TEXT, "dataset": TEXT, "ood": TEXT, "strategy": TEXT, "objective": TEXT, "variant": TEXT,
        "network_id": TEXT, "budget": WHOLE, "seed": WHOLE, "round": WHOLE, "n_labeled": WHOLE, "n_unlabeled": WHOLE,
        "n_bought": WHOLE, "n_ood_bought": WHOLE, "n_repeat": WHOLE, "labeled_sha256": TEXT, "status": TEXT,
        "note": TEXT,
    },
    optional={
        "purity": REAL, "cumulative_purity": REAL, "pool_ood_share": REAL, "ood_auroc": REAL, "test_accuracy": REAL,
        "test_nll": REAL, "test_ece": REAL, "train_accuracy": REAL, "validation_accuracy": REAL, "train_loss": REAL,
        "steps": WHOLE,
    },
    # The first eighteen are the public contract, in this order; later columns may join at the end.
    order="""trial_id dataset ood strategy objective budget seed round n_labeled n_bought n_ood_bought purity
        test_accuracy test_nll test_ece train_accuracy status note
        variant network_id n_unlabeled n_repeat cumulative_purity pool_ood_share ood_auroc validation_accuracy
        train_loss steps labeled_sha256""",
)  # fmt: skip
"""One row a round and trial; (trial_id, round) is unique. docs/results.md says what each column means."""

SELECTIONS = _schema(
    required={
        "trial_id": TEXT, "round": WHOLE, "rank": WHOLE, "sample_id": WHOLE, "source": TEXT, "is_ood": FLAG,
        "label": WHOLE, "row": WHOLE,
    },
    optional={"score": REAL},
    order="trial_id round rank sample_id source is_ood label score row",
)  # fmt: skip
"""One row an acquired image; (trial_id, round, rank) is unique."""

TIMINGS = _schema(
    required={
        "trial_id": TEXT, "round": WHOLE, "train_seconds": REAL, "auxiliary_seconds": REAL, "score_seconds": REAL,
        "select_seconds": REAL, "evaluate_seconds": REAL, "total_seconds": REAL, "host": TEXT, "device": TEXT,
        "threads": WHOLE, "peak_memory_mib": REAL, "started_utc": TEXT,
    },
    optional={},
    order="""trial_id round train_seconds auxiliary_seconds score_seconds select_seconds evaluate_seconds total_seconds
        host device threads peak_memory_mib started_utc""",
)  # fmt: skip
"""One row a round and trial: what was observed and differs from run to run."""

SCHEMAS: dict[Table, pa.Schema] = {"rounds": ROUNDS, "selections": SELECTIONS, "timings": TIMINGS}
TABLES: tuple[Table, ...] = ("rounds", "selections", "timings")


def to_table(table: Table, rows: Sequence[Row]) -> pa.Table:
    """The rows as an Arrow table of the table's schema.

    Raises:
        ValueError: a column that the schema does not have, a value that does not fit, a missing value where one is
            required, a NaN or an infinity; the message names table and column.
    """
    schema = SCHEMAS[table]
    unknown = sorted({name for row in rows for name in row} - set(schema.names))
    if unknown:
        raise ValueError(f"{table}: unknown column {unknown[0]!r}; add it to dalbt_ray/results/schemas.py")
    return pa.Table.from_arrays([_column(table, field, rows) for field in schema], schema=schema)


def _column(table: Table, field: pa.Field, rows: Sequence[Row]) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    try:
        if field.type == WHOLE:
            # pyarrow would cut 1.5 down to 1 without a word.
            values = [None if value is None else index(value) for value in values]
        column = pa.array(values, type=field.type)
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise ValueError(f"{table}: column {field.name!r}: {error}") from error
    if column.null_count and not field.nullable:
        raise ValueError(f"{table}: column {field.name!r} is missing in row {values.index(None)}")
    if field.type == REAL:
        for position, value in enumerate(values):
            if value is not None and value - value != 0:
                raise ValueError(
                    f"{table}: column {field.name!r} is {value} in row {position}; record null instead"
                )
    return column


def encode(table: pa.Table) -> bytes:
    """The Parquet file of a table."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        version="2.6",
        compression="zstd",
        data_page_version="1.0",
        write_page_checksum=True,
        store_schema=False,
    )
    return bytes(sink.getvalue().to_pybytes())


def decode(table: Table, data: bytes) -> pa.Table:
    """The table of a Parquet file.

    Raises:
        DamagedError: not Parquet, or other columns than the schema's.
    """
    try:
        found = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedError(f"is not readable as Parquet: {error}") from error
    if not found.schema.equals(SCHEMAS[table]):
        raise DamagedError(f"has other columns than the table {table!r}")
    return found
