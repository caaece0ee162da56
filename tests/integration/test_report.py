"""The report of real trials: finished, running and failed ones, read by other programs, opened in a browser."""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.errors import InputError
from dalbt_ray.report.build import build_report, write_report
from dalbt_ray.report.checks import run_checks
from dalbt_ray.report.compare import compare
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.study import prepare, read_study
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped
from tests.analysis_frames import METHODS, make_frames, make_study
from tests.analysis_frames import Sweep as MadeUp
from tests.small_trials import small_image_set, small_trial

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path; .ci/run installs it")


def run(root: Path, strategy: str, seed: int, *, image_set: ImageSet, **changes: Any) -> None:
    """Run one tiny trial into `root`."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": "test"})
    run_trial(small_trial(strategy, seed=seed, **changes), image_set, store)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five finished trials of two strategies and a mixed pool, one that was interrupted and one that failed."""
    root = tmp_path_factory.mktemp("sweep") / "tiny"
    single, mixed = small_image_set(), replace(small_image_set(ood=40), data_hash="1" * 64)
    for strategy in ("random", "margin"):
        for seed in (0, 1):
            run(root, strategy, seed, image_set=single)
    run(root, "random", 0, image_set=mixed, ood=40)
    store, seen = ResultsStore(root), []
    stopped = small_trial("margin", seed=2)
    with pytest.raises(Stopped):
        run_trial(stopped, single, store, on_round=seen.append, stop=lambda: len(seen) == 2)
    store.record_error("feedfeedfeedfeed", RuntimeError("<b>no</b> memory left"), hint="fewer trials at once")
    return root


def test_report_of_a_running_sweep(results: Path) -> None:
    """Every trial is there, the unfinished and the failed one are named, and no check finds a fault."""
    text = build_report(results).read_text()
    assert "5 of 7 trials finished, 1 running." in text
    assert "Failed: 1 trial. RuntimeError: &lt;b&gt;no&lt;/b&gt; memory left - fewer trials at once" in text
    assert "feedfeedfeedfeed" in text
    study = read_study(results)
    checks = run_checks(study, acquired_by_trial(study.selections, study.rounds))
    assert [check.title for check in checks if check.state == "failed"] == ["Every trial ended well"]
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
    frames = make_frames(MadeUp(methods=[("</script><script>alert(1)</script>", "joint", 0.0), *METHODS[:2]]))
    text = write_report(prepare(frames, "<i>x</i>"), tmp_path).read_text()
    assert "<script>alert" not in text
    assert "<i>x" not in text


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """One line that says what is wrong."""
    with pytest.raises(InputError, match="is not a results folder"):
        build_report(tmp_path)


def test_comparing_two_folders(results: Path, tmp_path: Path) -> None:
    """The same trial run twice is identical; a folder against itself too."""
    run(tmp_path / "again", "random", 0, image_set=small_image_set())
    assert compare(results, results).verdict.startswith("Nothing changed: all 17 shared rounds")
    assert compare(tmp_path / "again", results).verdict == (
        "Nothing changed: all 3 shared rounds are identical to the last bit. "
        "0 cells are only in A and 5 only in B."
    )


def open_in_browser(page: Path, script: str, width: int) -> tuple[dict[str, Any], str]:
    """Open `page` in headless Chromium, `width` pixels wide, and run `script` in it.

    A frame sets the width, since the browser's window has a smallest one.

    Returns:
        The script's `result`, and what the console said.
    """
    hook = (
        "<script>const result = {}; window.addEventListener('error', e => { result.error = e.message; });"
        f"window.addEventListener('load', () => {{ {script};"
        "parent.document.body.dataset.result = JSON.stringify(result); });</script></body>"
    )
    framed = escape(page.read_text().replace("</body>", hook))
    outer = page.with_name(f"browser_{width}.html")
    outer.write_text(
        f'<!DOCTYPE html><body><iframe srcdoc="{framed}" width="{width}" height="900"></iframe></body>'
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", "--window-size=1400,1000", "--enable-logging=stderr", "--dump-dom",
            outer.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<body data-result="([^"]*)"', done.stdout)
    assert found, done.stderr
    errors = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(unescape(found.group(1))), errors


@needs_browser
def test_curves_toggle_in_a_browser(tmp_path: Path) -> None:
    """A click hides a curve and shows it again; measure, axis and setting can be chosen; the console stays silent."""
    page = write_report(make_study(), tmp_path)
    script = """
        const curves = () => [...document.querySelectorAll('g.curve')].map(g => g.dataset.method);
        const choose = (name, value) => {
          const select = document.querySelector(`[data-control="${name}"]`);
          select.value = value; select.dispatchEvent(new Event('change'));
        };
        const button = document.querySelector('[data-method="dalbt (joint)"]');
        result.start = curves().length;
        button.click(); result.hidden = curves(); result.pressed = button.getAttribute('aria-pressed');
        button.click(); result.shown = curves().length;
        document.querySelector('[data-all]').nextSibling.click(); result.none = curves().length;
        document.querySelector('[data-all]').click(); result.all = curves().length;
        choose('metric', 'test_nll'); result.title = document.querySelector('.chart svg').getAttribute('aria-label');
        choose('setting', '1'); choose('metric', 'cumulative_purity'); choose('axis', 'labeled');
        result.mixed = document.querySelector('.chart svg').getAttribute('aria-label');
        result.polyline = document.querySelector('g.curve polyline').getAttribute('points');
    """
    result, errors = open_in_browser(page, script, 1200)
    assert errors == ""
    assert (result["start"], result["shown"], result["none"], result["all"]) == (7, 7, 0, 7)
    assert result["pressed"] == "false"
    assert len(result["hidden"]) == 6
    assert "dalbt (joint)" not in result["hidden"]
    assert result["title"].startswith(
        "test negative log-likelihood (nats) against labels, fashion_mini, b=100"
    )
    assert result["mixed"].startswith("purity of all queries")
    assert "NaN" not in result["polyline"]


@needs_browser
def test_page_fits_a_phone(results: Path, tmp_path: Path) -> None:
    """At 390 pixels nothing but the tables' own boxes scrolls sideways, and buttons suit fingers."""
    page = build_report(results, tmp_path)
    script = """
        const root = document.documentElement;
        result.width = root.clientWidth; result.content = root.scrollWidth;
        result.button = Math.min(...[...document.querySelectorAll('.legend button')].map(b => b.offsetHeight));
        result.wide = [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, svg, .tip')
          && e.getBoundingClientRect().right > root.clientWidth + 1).map(e => e.outerHTML.slice(0, 80));
        result.chart = document.querySelector('.chart svg').getBoundingClientRect().width;
    """
    result, errors = open_in_browser(page, script, 390)
    assert errors == ""
    assert result["wide"] == []
    assert result["content"] <= result["width"] <= 390
    assert result["button"] >= 32
    assert 300 <= result["chart"] <= 390
