"""From committed rounds to the rows of the three tables."""

from typing import Any

from dalbt_ray.results.schemas import Row, Table

Record = dict[str, Any]
"""One committed round as JSON values: `row` (of `rounds`), `timing` (of `timings`), and `query`, whose `picks` (of
`selections`) the next round trains on; `query` is null where the trial ended."""


def tables(trial_id: str, records: list[Record]) -> dict[Table, list[Row]]:
    """The rows of the three tables of a trial.

    A query is listed under the round that first trains on it: 1, 2, ...
    """
    return {
        "rounds": [{"trial_id": trial_id, **record["row"]} for record in records],
        "selections": [
            {"trial_id": trial_id, "round": record["row"]["round"] + 1, **pick}
            for record in records
            if record["query"] is not None
            for pick in record["query"]["picks"]
        ],
        "timings": [
            {"trial_id": trial_id, "round": record["row"]["round"], **record["timing"]} for record in records
        ],
    }
