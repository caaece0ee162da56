"""docs/speed.md: its scripts exist, and README quotes it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/speed.md").read_text()
QUOTED = (ROOT / "README.md").read_text().split("## Speed\n")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines if not line.startswith("| claim")]


def figures(text: str) -> set[str]:
    """Its numbers."""
    return set(re.findall(r"\d[\d.,]*\d|\d", text))


def test_every_row_names_a_script_that_exists() -> None:
    """`make bench` runs them all."""
    table = rows(PAGE)
    assert {len(row) for row in table} == {4}
    named = {row[1].strip("`") for row in table}
    assert named <= {path.name for path in (ROOT / "benchmarks").glob("*.py")}


def test_the_readme_says_what_the_page_says() -> None:
    """Each of its figures, measured or a bar, stands on the page."""
    for claim, measured, bar in rows(QUOTED):
        assert figures(measured) | figures(bar) <= figures(
            " ".join(cell for row in rows(PAGE) for cell in row)
        ), claim


def test_the_readme_keeps_no_bar_that_is_missed_to_itself() -> None:
    """As many claims as the page has scripts whose bar is missed, always or by some runs."""
    missed = {row[1] for row in rows(PAGE) if "**" in row[2]}
    assert len([row for row in rows(QUOTED) if "**" in row[1]]) == len(missed)
