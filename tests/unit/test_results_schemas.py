"""The tables' columns and files."""

import json
from collections.abc import Callable
from dataclasses import fields
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dalbt_ray.results import Acquired, RoundRow, Timing
from dalbt_ray.results.parquet_form import decode, encode, encode_compactly, join
from dalbt_ray.results.schemas import MEASURES, SCHEMAS, TABLES, Table, to_table
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError
from dalbt_ray.results.table_rows import tables
from tests.results_records import record, records

GOLDEN = Path(__file__).parent / "golden"

CONTRACT = {
    "rounds": "trial_id dataset ood strategy objective budget seed round n_labeled n_bought n_ood_bought purity "
    "test_accuracy test_nll test_ece train_accuracy status note",
    "selections": "trial_id round rank sample_id source is_ood label score",
}


@pytest.mark.parametrize("table", CONTRACT)
def test_the_public_columns_stay_in_front_and_in_order(table: str) -> None:
    """Other people's notebooks rely on them."""
    public = CONTRACT[table].split()
    assert SCHEMAS[table].names[: len(public)] == public  # type: ignore[index]


def test_the_schemas_are_the_frozen_ones() -> None:
    """Columns may be added to the file when they are added to the table; none is renamed, retyped or dropped."""
    frozen = json.loads((GOLDEN / "results_schemas_v1.json").read_text())
    now = {
        table: [
            f"{field.name}: {field.type}{'' if field.nullable else ' not null'}" for field in SCHEMAS[table]
        ]
        for table in TABLES
    }
    assert now == frozen


@pytest.mark.parametrize(
    ("table", "record_class", "keys"),
    [("rounds", RoundRow, {"trial_id"}), ("selections", Acquired, {"trial_id", "round"}),
     ("timings", Timing, {"trial_id", "round"})],
)  # fmt: skip
def test_a_record_has_the_columns_of_its_table(table: str, record_class: type, keys: set[str]) -> None:
    """Name and type: what is committed can be published, and what is published can be continued."""
    python = {pa.string(): str, pa.int64(): int, pa.float64(): float, pa.bool_(): bool}
    columns = {
        field.name: python[field.type] | None if field.nullable else python[field.type]
        for field in SCHEMAS[table]  # type: ignore[index]
        if field.name not in keys and field.name not in MEASURES
    }
    assert {each.name: each.type for each in fields(record_class) if each.name != "measures"} == columns


def test_a_file_of_version_1_can_be_read() -> None:
    """Golden bytes, written when version 1 was made."""
    found = decode("rounds", (GOLDEN / "rounds_v1.parquet").read_bytes())
    assert found.equals(to_table("rounds", tables("0123456789abcdef", records())["rounds"]))


@pytest.mark.parametrize("form", [encode, encode_compactly])
@pytest.mark.parametrize("table", TABLES)
def test_rows_survive_the_file(table: Table, form: Callable[[pa.Table], bytes]) -> None:
    """Bytes to table and back to the same rows, nulls and floats included, in a single file and in a bundle's."""
    rows = tables("0123456789abcdef", records())[table]
    found = decode(table, form(to_table(table, rows)))
    assert [{key: row[key] for key in rows[0]} for row in found.to_pylist()] == rows


def test_a_users_measures_join_at_the_end_in_the_order_of_their_names() -> None:
    """A number or one a class; where a trial has none, the column is null; a name that is taken is refused."""
    rows = [record(0, zeal=0.5, recall=[0.25, 0.75]).row.columns(), record(1).row.columns()]
    found = to_table("rounds", [{"trial_id": "a" * 16, **row} for row in rows])
    assert found.column_names == [*SCHEMAS["rounds"].names, "recall", "zeal"]
    assert found["recall"].to_pylist() == [[0.25, 0.75], None]
    plain = to_table("rounds", tables("b" * 16, records(1))["rounds"])
    both = join("rounds", [plain, decode("rounds", encode(found))])
    assert both["zeal"].to_pylist() == [None, 0.5, None]
    assert both.column_names == found.column_names
    with pytest.raises(ValueError, match="measure 'seed' has the name of another column"):
        record(0, seed=1.0).row.columns()
    with pytest.raises(ValueError, match="column 'recall' is nan in row 0"):
        to_table("rounds", [{"trial_id": "a" * 16, **record(0, recall=[0.5, float("nan")]).row.columns()}])


def test_a_measure_of_two_types_is_refused() -> None:
    """Two programs' trials in one folder: no number is taken for a list."""
    parts = [
        to_table("rounds", tables(name, [record(0, recall=value)])["rounds"])
        for name, value in (("a" * 16, 0.5), ("b" * 16, [0.5]))
    ]
    with pytest.raises(NewerFormatError, match="two types"):
        join("rounds", parts)


def test_equal_rows_give_equal_bytes_whatever_the_order_of_their_keys() -> None:
    """And nothing of pandas, of the clock or of this machine is in them."""
    rows = tables("0123456789abcdef", records())["rounds"]
    turned = [dict(reversed(row.items())) for row in rows]
    data = encode(to_table("rounds", rows))
    assert sha256(encode(to_table("rounds", turned))).digest() == sha256(data).digest()
    assert pq.read_schema(BytesIO(data)).metadata is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_accurracy": "0.5"}, "column 'test_accurracy'"),
        ({"seed": None}, "column 'seed' is missing in row 1"),
        ({"seed": 1.5}, "column 'seed'"),
        ({"strategy": 3}, "column 'strategy'"),
        ({"test_nll": float("nan")}, "column 'test_nll' is nan in row 1"),
        ({"test_nll": float("inf")}, "column 'test_nll' is inf in row 1"),
        ({"test_nll": np.float64("nan")}, "column 'test_nll' is nan in row 1"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_name(change: dict[str, object], message: str) -> None:
    """Nothing is dropped, cast or nulled in silence."""
    rows = [{**row} for row in tables("0123456789abcdef", records())["rounds"]]
    rows[1] |= change
    with pytest.raises(ValueError, match=message):
        to_table("rounds", rows)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 100, b"\x80\x04K\x01."])
def test_what_is_not_parquet_is_damaged(data: bytes) -> None:
    """Empty, torn, garbage, a pickle."""
    with pytest.raises(DamagedError):
        decode("rounds", data)


def test_a_table_is_not_taken_for_another() -> None:
    """Whole Parquet with the wrong columns."""
    data = encode(to_table("timings", tables("0123456789abcdef", records())["timings"]))
    with pytest.raises(NewerFormatError, match="has no column 'dataset'"):
        decode("rounds", data)


@pytest.mark.parametrize("ids", [[1, 2], [b"a", b"b"], [[1], [2]]])
def test_a_trial_is_not_sought_in_ids_that_are_no_texts(ids: list[object]) -> None:
    """Damage, not a traceback."""
    sink = BytesIO()
    pq.write_table(pa.table({"trial_id": ids}), sink)
    with pytest.raises((DamagedError, NewerFormatError)):
        decode("rounds", sink.getvalue(), trial_id="a")
