"""The report of real trials: finished, running and failed ones, read by other programs, opened in a browser."""

import json
import os
import re
import shutil
import subprocess
import sys
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
from dalbt_ray.report.follow import follow_report
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.study import prepare, read_study
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped
from tests.analysis_frames import METHODS, make_frames, make_study
from tests.analysis_frames import Sweep as MadeUp
from tests.small_trials import small_image_set, small_trial

ROOT = Path(__file__).parents[2]
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


CHOOSE = """
    const choose = (name, value) => {
      const select = document.querySelector(`[data-control="${name}"]`);
      select.value = value; select.dispatchEvent(new Event('change'));
    };
    const point = (type, target, x, y) => {
      const box = target.getBoundingClientRect();
      target.dispatchEvent(new PointerEvent(type, { clientX: box.left + x, clientY: box.top + y, pointerType: 'mouse',
        pointerId: 1, bubbles: true }));
    };
"""


@needs_browser
def test_curves_toggle_in_a_browser(tmp_path: Path) -> None:
    """One legend for all panels; measure, mode, axis and setting can be chosen; the console stays silent."""
    page = write_report(make_study(), tmp_path)
    script = f"""{CHOOSE}
        const curves = () => [...document.querySelectorAll('g.curve')].map(g => g.dataset.method);
        const label = () => document.querySelector('.chart svg').getAttribute('aria-label');
        const button = document.querySelector('[data-method="dalbt (joint)"]');
        result.start = curves().length;
        button.click(); result.hidden = curves(); result.pressed = button.getAttribute('aria-pressed');
        button.click(); result.shown = curves().length;
        document.querySelector('[data-all]').nextSibling.click(); result.none = curves().length;
        document.querySelector('[data-all]').click(); result.all = curves().length;
        choose('metric', 'test_nll'); result.title = label();
        choose('mode', 'differences'); result.differences = curves(); result.paired = label();
        choose('mode', 'curves');
        choose('setting', '1'); choose('metric', 'cumulative_purity'); choose('axis', 'labeled');
        result.mixed = label();
        result.polyline = document.querySelector('g.curve polyline').getAttribute('points');
    """
    result, errors = open_in_browser(page, script, 1200)
    assert errors == ""
    assert (result["start"], result["shown"], result["none"], result["all"]) == (14, 14, 0, 14)
    assert result["pressed"] == "false"
    assert len(result["hidden"]) == 12
    assert "dalbt (joint)" not in result["hidden"]
    assert result["title"].startswith(
        "test negative log-likelihood (nats) against labels, fashion_mini, b=100"
    )
    assert "difference to random against labels" in result["paired"]
    assert len(result["differences"]) == 10
    assert not any(name.startswith("random") for name in result["differences"])
    assert result["mixed"].startswith("purity of all queries")
    assert "NaN" not in result["polyline"]


@needs_browser
def test_pointing_at_a_round_shows_all_methods_and_dragging_zooms(tmp_path: Path) -> None:
    """The tip has the numbers of the table of curves, best first; zooming changes the axes, the button undoes it."""
    study = make_study()
    page = write_report(study, tmp_path)
    script = f"""{CHOOSE}
        choose('setting', '0');
        const svg = () => document.querySelector('.chart svg');
        const ticks = () => [...svg().querySelectorAll('text')].map(t => t.textContent).join(' ');
        point('pointermove', svg(), svg().getBoundingClientRect().width - 30, 100);
        result.rows = [...document.querySelectorAll('.tip tr')].map(r => [...r.cells].map(c => c.textContent));
        result.head = document.querySelector('.tip b').textContent;
        result.before = ticks();
        point('pointerdown', svg(), 150, 60);
        point('pointermove', svg(), 320, 200);
        point('pointerup', svg(), 320, 200);
        result.zoomed = ticks();
        const button = document.querySelector('[data-control="reset"]');
        result.offered = !button.hidden;
        button.click();
        result.after = ticks();
    """
    result, errors = open_in_browser(page, script, 1200)
    assert errors == ""
    assert result["head"] == "600 labels"
    setting = study.rounds["setting"].iloc[0]
    last = study.rounds[(study.rounds["setting"] == setting) & (study.rounds["round"] == 5)]
    means = (100 * last.groupby("method")["test_accuracy"].mean()).sort_values(ascending=False)
    assert [row[0] for row in result["rows"]] == list(means.index)
    assert [float(row[1]) for row in result["rows"]] == pytest.approx(list(means), abs=0.06)
    assert result["offered"]
    assert result["zoomed"] != result["before"] == result["after"]


OVERLAPS = """
    document.querySelectorAll('details').forEach(d => { d.open = true; });
    const seen = [];
    const clipped = (node, box) => {
      // What a scrolling box hides is not on the screen.
      for (let e = node.parentElement; e; e = e.parentElement) {
        if (getComputedStyle(e).overflowX === 'visible' || e === document.documentElement) continue;
        const frame = e.getBoundingClientRect();
        box = { left: Math.max(box.left, frame.left), right: Math.min(box.right, frame.right),
                top: box.top, bottom: box.bottom };
      }
      return box;
    };
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const node = walk.currentNode, parent = node.parentElement;
      if (!node.textContent.trim() || parent.closest('script, style, noscript, select, title, [hidden]')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const rect of range.getClientRects()) {
        const box = clipped(parent, rect);
        const text = node.textContent.trim().slice(0, 40);
        if (box.right - box.left > 1 && rect.height > 1) seen.push({ ...box, text });
      }
    }
    seen.sort((a, b) => a.top - b.top);
    result.texts = seen.length;
    result.overlaps = [];
    for (let i = 0; i < seen.length; i++) {
      for (let j = i + 1; j < seen.length && seen[j].top < seen[i].bottom - 4; j++) {
        const [a, b] = [seen[i], seen[j]];
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && b.top < a.bottom - 4 && a.top < b.bottom - 4)
          result.overlaps.push(`${a.text} | ${b.text}`);
      }
    }
    const root = document.documentElement;
    result.width = root.clientWidth; result.content = root.scrollWidth;
    result.wide = [...document.querySelectorAll('main *, header *')].filter(e => !e.closest('.scroll, svg, .tip')
      && e.getBoundingClientRect().right > root.clientWidth + 1).map(e => e.outerHTML.slice(0, 80));
"""


@pytest.fixture(scope="module")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen methods with long names, five seeds, four settings: ranks, profiles and every section are there."""
    names = [
        "badge",
        "bait",
        "batch_bald",
        "cluster_margin",
        "dal_osr",
        "dropquery",
        "max_herding",
        "typiclust",
    ]
    methods = [*METHODS, *[(name, "supervised", 0.004 * i) for i, name in enumerate(names)]]
    methods.append(("dalbt", "joint", 0.03, {"strategy.policy": "outlier_margin"}))
    settings = [
        ("mnist", "", 100),
        ("fashion_mini", "", 100),
        ("cifar10", "svhn", 100),
        ("cifar10", "", 250),
    ]
    sweep = MadeUp(settings=settings, methods=methods, seeds=5, last_round=4)
    return write_report(make_study(sweep), tmp_path_factory.mktemp("large"))


@needs_browser
@pytest.mark.parametrize("width", [400, 1400])
def test_no_text_overlaps_another(large_page: Path, width: int) -> None:
    """By the boxes of every line of text on the page, those in drawings included; only tables scroll sideways."""
    result, errors = open_in_browser(large_page, OVERLAPS, width)
    assert errors == ""
    assert result["texts"] > 1_000
    assert result["overlaps"] == []
    assert result["wide"] == []
    assert result["content"] <= result["width"] <= width


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
            run(root, "margin", 2, image_set=small_image_set())

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
    commands = [line.strip() for line in lines if line.startswith("    ") and "jupy" in line]
    assert len(commands) == 2
    (tmp_path / "analysis").symlink_to(ROOT / "analysis")
    shutil.copytree(results, tmp_path / "results" / "quick")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "default",
    }
    for command in commands:
        subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, check=True, timeout=200)
    assert "6 trials, 17 rounds" in (tmp_path / "curves.ipynb").read_text()


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
