"""How tables become Parquet bytes and bytes become tables again.

Files of equal content are equal byte for byte (same pyarrow version): no clock, no pandas metadata, fixed settings.
Reading is tolerant in both directions, so that files outlive the program: a column that joined later is null, and a
column that this version does not know is kept.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dalbt_ray.results.parquet_bounds import open_parquet, refuse_bomb
from dalbt_ray.results.schemas import SCHEMAS, Table
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError

_FIXED: dict[str, Any] = {
    "version": "2.6", "compression": "zstd", "data_page_version": "1.0", "write_page_checksum": True,
    "store_schema": False,
}  # fmt: skip

_DICTIONARY = ("trial_id", "dataset", "ood", "strategy", "objective", "network_id", "source", "status", "note", "host",
               "device", "cpu", "instructions", "code", "round", "label", "is_ood", "test_recall.list.element",
               "test_confusion.list.element")  # fmt: skip
_SPLIT = ("sample_id", "row", "score", "train_seconds", "score_seconds", "select_seconds", "evaluate_seconds",
          "total_seconds")  # fmt: skip
ROW_GROUP = 1 << 18
"""Rows of a row group in a bundle: a program that asks for one trial reads a part of the file."""


def encode(table: pa.Table) -> bytes:
    """The Parquet file of one trial's table."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **_FIXED)
    return bytes(sink.getvalue().to_pybytes())


def encode_compactly(table: pa.Table) -> bytes:
    """The Parquet file of many trials' table: smaller, slower to write.

    Row numbers and scores of acquired images are nearly random: splitting them into their bytes leaves the high bytes,
    which hardly vary, to the compressor (30 % smaller on the MNIST study than Parquet's defaults). What is counted by
    class repeats (15 % of `rounds`).
    """
    sink = pa.BufferOutputStream()
    names = set(table.column_names)
    encodings = {name: "BYTE_STREAM_SPLIT" for name in _SPLIT if name in names}
    if "rank" in names:
        encodings["rank"] = "DELTA_BINARY_PACKED"
    pq.write_table(
        table,
        sink,
        compression_level=19,
        row_group_size=ROW_GROUP,
        use_dictionary=[name for name in _DICTIONARY if name.partition(".")[0] in names],
        column_encoding=encodings or None,
        **_FIXED,
    )
    return bytes(sink.getvalue().to_pybytes())


def decode(table: Table, data: bytes, *, trial_id: str = "") -> pa.Table:
    """The table of a Parquet file; with `trial_id`, only the rows of that trial.

    Raises:
        DamagedError: not Parquet.
        NewerFormatError: Parquet, but not what this version needs of the table, or more than it can take into memory.
        MemoryError: there is not enough of it.
    """
    try:
        refuse_bomb(data)
        file = open_parquet(data)
        found = _rows_of(file, trial_id) if trial_id else file.read(use_threads=False)
    except (MemoryError, NewerFormatError):
        raise
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"is not readable as Parquet: {error}") from error
    return conform(table, found)


def _rows_of(file: pq.ParquetFile, trial_id: str) -> pa.Table:
    """The rows of a trial, from the row groups that may have some."""
    groups = []
    for group in range(file.num_row_groups):
        row_group = file.metadata.row_group(group)
        columns = (row_group.column(index) for index in range(row_group.num_columns))
        known = next((each.statistics for each in columns if each.path_in_schema == "trial_id"), None)
        if known is None or not known.has_min_max or known.min <= trial_id <= known.max:
            groups.append(group)
    found = file.read_row_groups(groups, use_threads=False)
    return found.filter(pc.equal(found["trial_id"], trial_id))


def conform(table: Table, found: pa.Table) -> pa.Table:
    """`found` with the table's columns in their order, missing ones null; then what else it has, by name.

    Raises:
        NewerFormatError: a required column is missing, or one has another type.
    """
    schema = SCHEMAS[table]
    if found.schema.equals(schema):  # what this version wrote; the types say where no null can be
        return found
    columns, kinds = [], list(schema)
    for field in schema:
        if field.name not in found.column_names:
            if not field.nullable:
                raise NewerFormatError(f"has no column {field.name!r}, which this version needs in {table!r}")
            columns.append(pa.chunked_array([pa.nulls(len(found), field.type)]))
            continue
        column = found[field.name]
        if column.type != field.type or (column.null_count and not field.nullable):
            kind = f"{column.type}{' with nulls' if column.null_count else ''}"
            raise NewerFormatError(f"has {kind} in column {field.name!r}; this version knows {field.type}")
        columns.append(column)
    for name in sorted(set(found.column_names) - set(schema.names)):
        columns.append(found[name])
        kinds.append(pa.field(name, found[name].type))
    return pa.Table.from_arrays(columns, schema=pa.schema(kinds))


def join(table: Table, parts: Sequence[pa.Table]) -> pa.Table:
    """One table of all rows; a column that a part does not have is null there.

    Raises:
        NewerFormatError: a column of one name has two types.
    """
    empty = SCHEMAS[table].empty_table()
    try:
        # Parts with the same columns, which is the rule, are joined without a look at the types.
        joined = pa.concat_tables([empty, *parts], promote_options="default")
    except pa.ArrowException as error:
        raise NewerFormatError(f"have a column of two types in {table!r}: {error}") from error
    return conform(table, joined)
