"""The report's page opened in a browser: what can be chosen, what fits, and that no text meets another."""

from pathlib import Path

import pytest

from dalbt_ray.report.build import build_report, write_report
from tests.analysis_frames import METHODS, Sweep, make_study
from tests.browser import asked_page, needs_chromium
from tests.tiny_sweep import tiny_sweep

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


@needs_chromium
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
    result = asked_page(page, script, 1200)
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


@needs_chromium
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
    result = asked_page(page, script, 1200)
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
    sweep = Sweep(settings=settings, methods=methods, seeds=5, last_round=4)
    return write_report(make_study(sweep), tmp_path_factory.mktemp("large"))


@needs_chromium
@pytest.mark.parametrize("width", [400, 1400])
def test_no_text_overlaps_another(large_page: Path, width: int) -> None:
    """By the boxes of every line of text on the page, those in drawings included; only tables scroll sideways."""
    result = asked_page(large_page, OVERLAPS, width)
    assert result["texts"] > 1_000
    assert result["overlaps"] == []
    assert result["wide"] == []
    assert result["content"] <= result["width"] <= width


@needs_chromium
def test_page_fits_a_phone(tmp_path: Path) -> None:
    """At 390 pixels nothing but the tables' own boxes scrolls sideways, and buttons suit fingers."""
    page = build_report(tiny_sweep(tmp_path / "tiny"), tmp_path / "report")
    script = """
        const root = document.documentElement;
        result.width = root.clientWidth; result.content = root.scrollWidth;
        result.button = Math.min(...[...document.querySelectorAll('.legend button')].map(b => b.offsetHeight));
        result.wide = [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, svg, .tip')
          && e.getBoundingClientRect().right > root.clientWidth + 1).map(e => e.outerHTML.slice(0, 80));
        result.chart = document.querySelector('.chart svg').getBoundingClientRect().width;
    """
    result = asked_page(page, script, 390)
    assert result["wide"] == []
    assert result["content"] <= result["width"] <= 390
    assert result["button"] >= 32
    assert 300 <= result["chart"] <= 390
