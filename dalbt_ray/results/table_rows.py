"""From committed rounds to the rows of the three tables, and back."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from itertools import pairwise
from typing import Any

import pyarrow as pa

from dalbt_ray.results.records import Acquired, Query, Record, RoundRow, Timing
from dalbt_ray.results.schemas import MEASURES, REAL, REALS, Row, Table
from dalbt_ray.results.storage.sealed import NewerFormatError


def tables(trial_id: str, records: Sequence[Record]) -> dict[Table, list[Row]]:
    """The rows of the three tables of a trial.

    A query is listed under the round that trains on it: 1, 2, ... That of the last round is in none: more rounds do not
    change the rows of the first ones.
    """
    return {
        "rounds": [{"trial_id": trial_id, **record.row.columns()} for record in records],
        "selections": [
            {"trial_id": trial_id, "round": record.row.round + 1, **asdict(image)}
            for record in records[:-1]
            if record.query is not None
            for image in record.query.acquired
        ],
        "timings": [
            {"trial_id": trial_id, "round": record.row.round, **asdict(record.timing)} for record in records
        ],
    }


def records_of(found: dict[Table, pa.Table], next_query: Query | None) -> list[Record]:
    """The committed rounds of a trial, from its rows in the three tables, which are in order.

    Args:
        found: the tables.
        next_query: the query of the last round, which is in no table.

    Raises:
        NewerFormatError: a table has a column that this version does not know.
    """
    rows = [_row(row, found["rounds"].schema) for row in found["rounds"].to_pylist()]
    timings = [Timing(**_known(Timing, row, ("trial_id", "round"))) for row in found["timings"].to_pylist()]
    images: dict[int, list[Acquired]] = {row.round: [] for row in rows}
    for image in found["selections"].to_pylist():
        images[image["round"] - 1].append(Acquired(**_known(Acquired, image, ("trial_id", "round"))))
    queries = [
        # What a query knows of itself is recorded in the row of the round that follows it.
        Query(
            acquired=tuple(images[row.round]),
            pool_ood_share=after.pool_ood_share,
            ood_auroc=after.ood_auroc,
            detector_auroc=after.detector_auroc,
            n_repeat=after.n_repeat,
            note=after.note,
        )
        for row, after in pairwise(rows)
    ]
    return [
        Record(row=row, query=query, timing=timing)
        for row, query, timing in zip(rows, [*queries, next_query], timings, strict=True)
    ]


def _row(row: dict[str, Any], schema: pa.Schema) -> RoundRow:
    own = {each.name for each in fields(RoundRow)}
    measures = {
        name: value
        for name, value in row.items()
        if name in MEASURES or (name not in own and schema.field(name).type in (REAL, REALS))
    }
    rest = {name: value for name, value in row.items() if name not in measures}
    present = {name: value for name, value in measures.items() if value is not None}
    return RoundRow(**_known(RoundRow, rest, ("trial_id",)), measures=present)


def _known(cls: type, row: dict[str, Any], dropped: tuple[str, ...]) -> dict[str, Any]:
    known = {each.name for each in fields(cls)}
    kept = {name: value for name, value in row.items() if name not in dropped}
    unknown = sorted(kept.keys() - known)
    if unknown:
        raise NewerFormatError(f"has the column {unknown[0]!r}, which this version cannot continue")
    return kept
