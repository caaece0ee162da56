"""Tables for terminals, spreadsheets and papers; styles that stay apart; figures of the paper."""

from dataclasses import replace
from io import StringIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from dalbt_ray.report.cells import Method
from dalbt_ray.report.findings import analyze
from dalbt_ray.report.latex import latex_table, write_latex
from dalbt_ray.report.plots import paper_figure, save_figure
from dalbt_ray.report.study import Study
from dalbt_ray.report.style import PALETTE, Style, styles
from dalbt_ray.report.tables import summary_frame, summary_table, write_table
from dalbt_ray.report.wording import duration
from tests.analysis_frames import METHODS, Sweep, make_frames, make_study, study_of


def test_result_table_shows_every_number_in_a_narrow_terminal():
    """80 columns: nothing is cut, the best method stands first in its setting."""
    console = Console(width=80, record=True, file=StringIO())
    study = make_study()
    console.print(summary_table(study))
    text = console.export_text()
    assert "…" not in text
    frame = summary_frame(study)
    assert all(value in text for value in [*frame["AUBC"], *frame["test accuracy"]])
    assert max(map(len, text.splitlines())) <= 80
    assert text.index("dalbt (joint)") < text.index("random (joint)")


def test_one_seed_has_no_spread():
    """A single seed gives a mean and no plus-minus."""
    frame = summary_frame(make_study(Sweep(seeds=1)))
    assert not frame["AUBC"].str.contains("±").any()


def test_purity_is_shown_for_mixed_pools_only():
    """A single pool has no purity column."""
    single = make_study(Sweep(settings=[("mnist", "", 100)]))
    assert "purity" not in summary_frame(single)
    assert (summary_frame(make_study())["purity"] != "-").sum() == len(METHODS)


def test_csv_keeps_every_digit(tmp_path: Path):
    """What is written is what is read."""
    frame = pd.DataFrame({"method": ["a_b & c"], "value": [1 / 3]})
    write_table(frame, tmp_path, "t")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), frame)


def looks_of(*methods: Method) -> list[Style]:
    """Their styles, in order."""
    return list(styles({str(place): method for place, method in enumerate(methods)}).values())


def test_styles_of_forty_methods_are_distinct():
    """Color, marker and dash tell all apart; color and marker alone the strategies; 20 colors are 26 or more apart."""
    kinds = [Method(f"s{i:02}", objective) for i in range(20) for objective in ("joint", "supervised")]
    looks = looks_of(*kinds, Method("random", "supervised"), Method("random", "joint"))
    assert len(set(looks)) == len(looks)
    assert (
        len({(look.color, look.marker) for look in looks[:40]})
        == len({look.color for look in looks[:40]})
        == 20
    )
    distances = [
        np.linalg.norm(lab(a) - lab(b)) for a, b in combinations([*PALETTE, "#000000", "#FFFFFF"], 2)
    ]
    assert min(distances) >= 26


def lab(color: str) -> np.ndarray:
    """CIELAB of an sRGB color, by the formulas of IEC 61966-2-1 and CIE 15."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = (
        np.cbrt(v) if v > (6 / 29) ** 3 else v / (3 * (6 / 29) ** 2) + 4 / 29
        for v in to_xyz @ linear / [0.95047, 1, 1.08883]
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_options_of_one_strategy_differ_in_color_and_marker():
    """Policies of dalbt in one figure; random stays black, whatever its options."""
    policies = [Method("dalbt", "joint", (("strategy.policy", policy),)) for policy in "abcde"]
    longer = Method("random", "joint", (("training.min_steps", 200),))
    *looks, plain, long = looks_of(*policies, Method("random", "joint"), longer)
    assert len({look.color for look in looks}) == len({look.marker for look in looks}) == 5
    assert {plain.color, long.color} == {"#000000"}
    assert plain != long


def test_a_method_keeps_its_look_when_objectives_join():
    """Color and marker belong to the strategy."""
    names = ("dalbt (joint)", "random (joint)", "dalbt (supervised)")
    methods = dict(
        zip(
            names,
            [Method("dalbt", "joint"), Method("random", "joint"), Method("dalbt", "supervised")],
            strict=True,
        )
    )
    few = styles({name: methods[name] for name in names[:2]})
    assert few[names[0]] == styles(methods)[names[0]]


def test_paper_figures_choose_their_experiments(tmp_path: Path):
    """Figure 2 is MNIST with 100 a round; figure 6 the three mixed pools, one panel each; others are refused."""
    sets = [("mnist", "", 100), ("mnist", "", 1000), ("cifar10", "", 1000), ("cifar10", "svhn", 1000)]
    sweep = Sweep(
        settings=sets, methods=METHODS[:2], seeds=2, last_round=1, in_distribution_pool=4000, ood_pool=1000
    )
    study = make_study(sweep)
    assert [panel.get_title() for panel in paper_figure(study, 2).axes] == ["mnist, b=100"]
    figure = paper_figure(study, 6)
    assert [panel.get_title() for panel in figure.axes] == ["cifar10 + svhn, b=1000"]
    with pytest.raises(LookupError, match="figure 2 needs mnist"):
        paper_figure(study.part(study.rounds[study.rounds["dataset"] != "mnist"]), 2)
    paths = save_figure(figure, tmp_path, "figure_6")
    assert [path.read_bytes()[:4] for path in paths] == [b"\x89PNG", b"<?xm", b"%PDF"]


def test_saved_figures_are_reproducible(tmp_path: Path):
    """No date and no random identifier: equal results give equal files."""
    study = make_study(Sweep(settings=[("mnist", "", 100)], methods=METHODS[:2], seeds=2, last_round=1))
    first, second = (save_figure(paper_figure(study, 2), tmp_path / name, "f") for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def shown(study: Study) -> str:
    """The terminal's table, 80 columns wide."""
    console = Console(width=80, record=True, file=StringIO())
    console.print(summary_table(study))
    return console.export_text()


def test_a_sweep_whose_trials_all_failed_says_so():
    """No table, but how many failed, why, and the line of the user's own file."""
    frames = make_frames()
    nothing = {name: getattr(frames, name).iloc[:0] for name in ("rounds", "selections", "timings")}
    trace = [
        'File "/home/me/dalbt_ray/trial/acquisition.py", line 7, in acquire', "    picks = strategy.select(pool)",
        'File "/home/me/my_sweep.py", line 21, in ranking', "    return pool.margins", "AttributeError: no margins",
    ]  # fmt: skip
    failure = {"type": "AttributeError", "message": "no [margins]", "hint": "see PoolView", "trace": trace}
    for trials in (frames.trials.iloc[:0], frames.trials.iloc[:2].assign(status="running"), pd.DataFrame()):
        study = replace(
            study_of(frames, **nothing, trials=trials),
            failures=dict.fromkeys(frames.trials.index[:2], failure),
        )
        text = shown(study)
        assert "There is no result" in text
        assert "failed: 2 trials. AttributeError: no [margins] - see PoolView" in text
        assert 'File "/home/me/my_sweep.py", line 21, in ranking' in text


def test_names_that_look_like_markup_are_shown_as_they_are():
    """A strategy may be called `my [bold] (v2)`."""
    assert "my [bold] (v2)" in shown(make_study(Sweep(methods=[("my [bold] (v2)", "joint", 0.1)])))


def test_latex_prints_what_it_is_given_and_fits_a_column(tmp_path: Path):
    """Every special sign is escaped; a caption is there; what is too wide for a column is scaled down to it."""
    narrow = latex_table(pd.DataFrame({"method": ["a_b & 5 %"], "value": ["1 ± 2"]}), "50 % of x_y^2")
    assert r"a\_b \& 5 \% & 1 $\pm$ 2 \\" in narrow
    assert r"\caption{50 \% of x\_y\textasciicircum{}2}" in narrow
    assert "resizebox" not in narrow
    assert r"\resizebox{\columnwidth}" in latex_table(
        pd.DataFrame({"method": ["a" * 60], "value": ["1"]}), "c"
    )


def test_the_papers_tables_fit_without_scaling(tmp_path: Path):
    """One of results and one of differences for each setting."""
    study = make_study()
    names = write_latex(study, analyze(study), tmp_path)
    assert names == [f"{kind}_{i}.tex" for i in (1, 2) for kind in ("results", "against_random")]
    for name in names:
        text = (tmp_path / name).read_text()
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert len({row.count("&") for row in rows}) == 1
        assert "resizebox" not in text or "vs." in text
        assert text.count("{") == text.count("}")
        assert rf"\label{{tab:{name.removesuffix('.tex')}}}" in text
        end = {"results_1.tex": "accuracy at 600 labels.", "results_2.tex": "accuracy at its end."}
        assert end.get(name, "") in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.034, "0.0 s"),
        (3.44, "3.4 s"),
        (119, "119 s"),
        (150, "2.5 min"),
        (7200, "2.0 h"),
        (200_000, "2.3 d"),
    ],
)
def test_durations_are_told_in_the_unit_that_people_use(seconds: float, text: str):
    """Two digits, or whole numbers."""
    assert duration(seconds) == text
