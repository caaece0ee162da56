"""docs/reliability.md: its table is what the recorded cases add up to."""

from pathlib import Path

from tests.chaos.tally import read, table

ROOT = Path(__file__).parents[2]


def test_the_table_is_the_sum_of_the_recorded_cases() -> None:
    """As `run.py --tally` prints it."""
    records = sorted((ROOT / "tests/chaos/runs").glob("*.jsonl"))
    assert table(read(records)) in (ROOT / "docs/reliability.md").read_text()
