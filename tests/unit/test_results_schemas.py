"""The tables' columns and files."""

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from dalbt_ray.results.records import tables
from dalbt_ray.results.schemas import SCHEMAS, TABLES, decode, encode, to_table
from dalbt_ray.results.storage.sealed import DamagedError
from tests.results_records import records

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


def test_a_file_of_version_1_can_be_read() -> None:
    """Golden bytes, written when version 1 was made."""
    found = decode("rounds", (GOLDEN / "rounds_v1.parquet").read_bytes())
    assert found.equals(to_table("rounds", tables("0123456789abcdef", records())["rounds"]))


@pytest.mark.parametrize("table", TABLES)
def test_rows_survive_the_file(table: str) -> None:
    """Bytes to table and back to the same rows, nulls and floats included."""
    rows = tables("0123456789abcdef", records())[table]  # type: ignore[index]
    found = decode(table, encode(to_table(table, rows)))  # type: ignore[arg-type]
    assert [{key: row[key] for key in rows[0]} for row in found.to_pylist()] == rows


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
        ({"test_accurracy": 0.5}, "unknown column 'test_accurracy'"),
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
    rows = [dict(row) for row in tables("0123456789abcdef", records())["rounds"]]
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
    with pytest.raises(DamagedError, match="other columns"):
        decode("rounds", data)
