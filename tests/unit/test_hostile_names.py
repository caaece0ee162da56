"""Names that mean something to whatever shows them: a formula, markup, an escape sequence, mathematics."""

from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.cli import main
from dalbt_ray.launch.progress import Progress
from dalbt_ray.launch.terminal import Terminal
from dalbt_ray.query.session import Session
from dalbt_ray.report.build import write_report
from dalbt_ray.report.study import Study
from dalbt_ray.report.tables import summary_table, write_table
from tests.analysis_frames import Sweep, make_study

NAME = "$\\foo$ [bold]\x1b[2J\u202egnp"


@pytest.fixture(scope="module")
def study() -> Study:
    """A study whose data set and one of whose strategies have such names."""
    return make_study(
        Sweep(
            settings=[("=HYPERLINK(0)", NAME, 100)],
            methods=[(NAME, "supervised", 0.02), ("random", "supervised", 0.0)],
            seeds=2,
            last_round=2,
        )
    )


def test_a_report_of_them_is_written(study: Study, tmp_path: Path) -> None:
    """Matplotlib would read what stands between dollar signs as mathematics, and refuse this."""
    assert write_report(study, tmp_path).exists()


def test_a_table_of_them_is_no_formula(study: Study, tmp_path: Path) -> None:
    """Neither in cells nor in the first line; numbers stay numbers."""
    frame = pd.DataFrame({"=A1": ["=HYPERLINK(0)", "@x", "fine"], "gain": [-1.5, 2.0, 3.0]})
    (name,) = write_table(frame, tmp_path, "t")
    lines = (tmp_path / name).read_text().splitlines()
    assert lines == ["'=A1,gain", "'=HYPERLINK(0),-1.5", "'@x,2.0", "fine,3.0"]
    write_report(study, tmp_path)
    for table in (tmp_path / "tables").glob("*.csv"):
        cells = pd.read_csv(table, dtype=str).stack()
        assert not cells.str.match("[=+@]").any(), table.name


def test_commands_on_a_pool_show_them_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of answers has such a name."""
    (tmp_path / "pool").mkdir()
    with Session.of(str(tmp_path / "pool"), None).state.lease():
        pass  # a pool that was asked about before
    answers = tmp_path / f"{NAME.replace('/', '')}.csv"
    answers.write_text("path,label\n")
    assert main(["ingest", str(tmp_path / "pool"), str(answers)]) == 0
    told = capsys.readouterr().out
    assert "0 new answers" in told
    assert "\x1b" not in told
    assert "\u202e" not in told


def test_a_terminal_shows_them_as_they_are(study: Study) -> None:
    """In the result table and in the lines of progress: no markup, nothing that moves the cursor."""
    shown = StringIO()
    Terminal(shown, width=200).print(summary_table(study))
    with Progress(1, stream=shown) as progress:
        progress.started("id", NAME, 1)
        progress.failed("id", f"ValueError: {NAME}")
    text = shown.getvalue()
    assert "[bold]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
