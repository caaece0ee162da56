"""What a repetition compares."""

from dalbt_ray.launch.rerun import _differences
from dalbt_ray.results.schemas import to_table
from dalbt_ray.results.table_rows import tables
from tests.results_records import records


def test_a_metric_that_joined_since_is_no_difference() -> None:
    """Results of an older version have null where the repetition has numbers; what both have is compared."""
    rows = tables("0123456789abcdef", records())["rounds"]
    before = to_table("rounds", rows).to_pandas()
    after = to_table("rounds", [row | {"test_confusion": [1.0, 2.0]} for row in rows]).to_pandas()
    assert _differences(before, after) == []
    assert _differences(after, after) == []
    after["test_confusion"] = [[1.0, 3.0]] * len(after)
    repeated = to_table("rounds", [row | {"test_confusion": [1.0, 2.0]} for row in rows]).to_pandas()
    assert len(_differences(after, repeated)) == len(after)
