"""The report of real trials: finished, running and failed ones, read by other programs."""

import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.report.build import build_report, write_report
from dalbt_ray.report.checks import run_checks
from dalbt_ray.report.compare import compare
from dalbt_ray.report.follow import follow_report
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.study import prepare, read_study
from dalbt_ray.results import ResultsStore
from tests.analysis_frames import METHODS, Sweep, make_frames, make_study
from tests.small_trials import small_image_set
from tests.tiny_sweep import run_into, tiny_sweep

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five finished trials, one that was interrupted and one that failed."""
    return tiny_sweep(tmp_path_factory.mktemp("sweep") / "tiny")


def test_report_of_a_running_sweep(results: Path) -> None:
    """Every trial is there, the unfinished and the failed one are named; checks find the short training and no more."""
    text = build_report(results).read_text()
    assert "5 of 7 trials finished, 1 running." in text
    assert "Failed: 1 trial. RuntimeError: &lt;b&gt;no&lt;/b&gt; memory left - fewer trials at once" in text
    assert "feedfeedfeedfeed" in text
    study = read_study(results)
    checks = run_checks(study, acquired_by_trial(study.selections, study.rounds))
    assert [check.title for check in checks if check.state == "failed"] == [
        "Every trial ended well",
        "Every network converged",
    ]
    assert len(study.running) == 1
    assert study.rounds["trial_id"].nunique() == 6


def test_report_needs_nothing_but_itself(results: Path) -> None:
    """No reference to the network, and the files that it links to exist."""
    index = build_report(results)
    text = index.read_text()
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)
    assert "@import" not in text
    for link in re.findall(r'href="((?:figures|tables)/[^"]+)"', text):
        assert (index.parent / link).stat().st_size > 0
    assert {path.suffix for path in (index.parent / "figures").iterdir()} == {".png", ".svg", ".pdf"}


def test_report_changes_no_result(results: Path) -> None:
    """Reading leaves the tables' folders as they are."""
    before = {
        path: path.read_bytes()
        for path in results.rglob("*")
        if path.is_file() and "report" not in path.parts
    }
    build_report(results)
    after = {
        path: path.read_bytes()
        for path in results.rglob("*")
        if path.is_file() and "report" not in path.parts
    }
    assert before == after


def test_the_same_results_give_the_same_page(results: Path, tmp_path: Path) -> None:
    """No clock and no chance in the page."""
    pages = [build_report(results, tmp_path / name).read_bytes() for name in ("a", "b")]
    assert pages[0] == pages[1]


def test_other_programs_read_a_running_sweep(results: Path) -> None:
    """pandas, DuckDB and Polars see the same rows in every table."""
    for table in ("rounds", "selections", "timings"):
        pattern = str(results / table / "*.parquet")
        counts = {
            "pandas": len(pd.read_parquet(results / table)),
            "duckdb": duckdb.sql(f"select count(*) from read_parquet('{pattern}')").fetchall()[0][0],
            "polars": pl.scan_parquet(pattern).select(pl.len()).collect().item(),
        }
        assert len(set(counts.values())) == 1, (table, counts)
        assert counts["pandas"] > 0


def test_partial_data(tmp_path: Path) -> None:
    """One seed with one round, a missing cell, no random, nothing at all: a page each time."""
    study = make_study()
    rounds = study.rounds
    parts = {
        "one_round": rounds[(rounds["round"] == 0) & (rounds["seed"] == 0)],
        "missing_cell": rounds[~((rounds["method"] == "margin (supervised)") & (rounds["ood"] == ""))],
        "no_random": rounds[rounds["strategy"] != "random"],
        "one_trial": rounds[rounds["trial_id"] == rounds["trial_id"][0]],
        "nothing_finished": rounds.assign(finished=False),
        "nothing": rounds[rounds["round"] < 0],
    }
    for name, part in parts.items():
        page = write_report(study.part(part.reset_index(drop=True)), tmp_path / name)
        assert "</html>" in page.read_text()


def test_a_sweep_whose_trials_all_fail(tmp_path: Path) -> None:
    """A method author's first experience: the page says that there is nothing, why, and where."""
    store = ResultsStore(tmp_path / "sweep")
    store.create_or_open({"sweep": "test", "trials": 2})
    for name in ("feedfeedfeedfeed", "beefbeefbeefbeef"):
        try:
            _ = np.zeros(3)[7]
        except IndexError as error:
            store.record_error(name, error, hint="look at your ranking")
    text = unescape(build_report(tmp_path / "sweep").read_text())
    assert "There is no result: no trial has committed a round." in text
    assert (
        "Failed: 2 trials. IndexError: index 7 is out of bounds for axis 0 with size 3 - look at your ranking"
        in text
    )
    assert "test_report.py" in text
    assert "0 of 2" in text


def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    """A user's strategy with markup in its name is text, in the tables and in the curves' data."""
    frames = make_frames(Sweep(methods=[("</script><script>alert(1)</script>", "joint", 0.0), *METHODS[:2]]))
    text = write_report(prepare(frames, "<i>x</i>"), tmp_path).read_text()
    assert "<script>alert" not in text
    assert "<i>x" not in text


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """One line that says what is wrong."""
    with pytest.raises(InputError, match="is not a results folder"):
        build_report(tmp_path)


def test_comparing_two_folders(results: Path, tmp_path: Path) -> None:
    """The same trial run twice is identical; a folder against itself too."""
    run_into(tmp_path / "again", "random", 0, image_set=small_image_set())
    assert compare(results, results).verdict.startswith("Nothing changed: all 17 shared rounds")
    assert compare(tmp_path / "again", results).verdict == (
        "Nothing changed: all 3 shared rounds are identical to the last bit. "
        "0 cells are only in A and 5 only in B."
    )


def test_following_a_sweep(results: Path, tmp_path: Path) -> None:
    """A page that reloads itself while trials are open; written again for a new round only; the last one stays."""
    root = tmp_path / "sweep"
    shutil.copytree(results, root)
    store, waits, pages = ResultsStore(root), [], []
    page = root / "report" / "index.html"

    def wait(seconds: float) -> None:
        waits.append(seconds)
        pages.append(page.read_text())
        if len(waits) == 2:  # nothing happened the first time
            run_into(root, "margin", 2, image_set=small_image_set())

    lines = list(follow_report(root, interval=7, wait=wait))
    assert lines[0] == f"{page}  5 of 7 trials finished, 1 running, 1 failed"
    assert lines[1:] == ["6 of 7 trials finished, 0 running, 1 failed"]
    assert waits == [7, 7]
    assert all('id="refresh-data">7<' in text for text in pages)
    assert 'id="refresh-data">0<' in page.read_text()
    assert "feedfeedfeedfeed" in store.errors()


def test_the_notebook_commands_of_the_documentation(results: Path, tmp_path: Path) -> None:
    """As they are written in docs/analysis.md, in a folder that is not the repository: the notebook has its numbers."""
    pytest.importorskip("jupytext", reason="the extra `notebooks` is not installed")
    lines = (ROOT / "docs" / "analysis.md").read_text().splitlines()
    commands = [
        line.strip() for line in lines if line.startswith("    ") and ("jupy" in line or "notebooks=" in line)
    ]
    assert len(commands) == 3
    shutil.copytree(results, tmp_path / "results" / "quick")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "default",
    }
    script = "\n".join(["set -e", *commands])
    subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, check=True, timeout=200)
    assert "6 trials, 17 rounds" in (tmp_path / "curves.ipynb").read_text()
