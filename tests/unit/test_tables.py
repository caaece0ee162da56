"""Tables for terminals, spreadsheets and papers; styles that stay apart; figures of the paper."""

from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from dalbt_ray.report.plots import PAPER_FIGURES, figure_2, figure_6, save_figure
from dalbt_ray.report.style import styles
from dalbt_ray.report.tables import summary_frame, summary_table, write_table
from tests.analysis_frames import METHODS, Sweep, make_frames


def test_result_table_shows_every_number_in_a_narrow_terminal():
    """80 columns: nothing is cut, the best method stands first in its setting."""
    console = Console(width=80, record=True, file=StringIO())
    rounds = make_frames().rounds
    console.print(summary_table(rounds))
    text = console.export_text()
    assert "…" not in text
    frame = summary_frame(rounds)
    assert all(value in text for value in [*frame["AUBC"], *frame["final accuracy"]])
    assert max(map(len, text.splitlines())) <= 80
    assert text.index("dalbt (joint)") < text.index("random (joint)")


def test_one_seed_has_no_spread():
    """A single seed gives a mean and no plus-minus."""
    frame = summary_frame(make_frames(Sweep(seeds=1)).rounds)
    assert not frame["AUBC"].str.contains("±").any()


def test_purity_is_shown_for_mixed_pools_only():
    """A single pool has no purity column."""
    single = make_frames(Sweep(settings=[("mnist", "", 100)])).rounds
    assert "purity" not in summary_frame(single)
    assert (summary_frame(make_frames().rounds)["purity"] != "-").sum() == len(METHODS)


def test_csv_keeps_every_digit(tmp_path: Path):
    """What is written is what is read."""
    frame = pd.DataFrame({"method": ["a_b & c"], "value": [1 / 3]})
    write_table(frame, tmp_path, "t")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), frame)


def test_latex_is_escaped(tmp_path: Path):
    """Underscores, percent signs and ampersands of names would break a paper."""
    write_table(pd.DataFrame({"method": ["a_b & 5 %"], "value": ["1 ± 2"]}), tmp_path, "t", "50 % of x_y")
    text = (tmp_path / "t.tex").read_text()
    assert r"a\_b \& 5 \% & 1 $\pm$ 2 \\" in text
    assert r"\caption{50 \% of x\_y}" in text


def test_styles_are_distinct_without_color():
    """Marker and dash alone tell 24 methods apart within one color's reuse; color and marker tell strategies apart."""
    methods = [f"s{i} ({objective})" for i in range(20) for objective in ("joint", "supervised")]
    looks = styles([*methods, "random (supervised)", "random (joint)"])
    assert len({(look.color, look.marker, look.dash) for look in looks.values()}) == len(looks)
    strategies = {name.split(" (", maxsplit=1)[0]: (look.color, look.marker) for name, look in looks.items()}
    assert len(set(strategies.values())) == len(strategies)


def test_variants_of_one_strategy_differ_in_color_and_marker():
    """Policies of dalbt in one figure; random stays black, whatever its variant."""
    names = [f"dalbt (joint, policy={policy})" for policy in "abcde"]
    looks = styles([*names, "random (joint)", "random (joint, 200 steps)"])
    assert len({looks[name].color for name in names}) == len({looks[name].marker for name in names}) == 5
    assert {looks["random (joint)"].color, looks["random (joint, 200 steps)"].color} == {"#000000"}
    assert looks["random (joint)"] != looks["random (joint, 200 steps)"]


def test_a_method_keeps_its_look_when_objectives_join():
    """Color and marker belong to the strategy."""
    few, more = styles(["dalbt (joint)", "random (joint)"]), styles(["dalbt (joint)", "dalbt (supervised)"])
    assert few["dalbt (joint)"] == more["dalbt (joint)"]


def test_paper_figures_choose_their_experiments(tmp_path: Path):
    """Figure 2 is MNIST with 100 a round; figure 6 the three mixed pools, one panel each; others are refused."""
    sets = [("mnist", "", 100), ("mnist", "", 1000), ("cifar10", "", 1000), ("cifar10", "svhn", 1000)]
    sweep = Sweep(
        settings=sets, methods=METHODS[:2], seeds=2, last_round=1, in_distribution_pool=4000, ood_pool=1000
    )
    rounds = make_frames(sweep).rounds
    assert [panel.get_title() for panel in figure_2(rounds).axes] == ["mnist, b=100"]
    figure = figure_6(rounds)
    assert [panel.get_title() for panel in figure.axes] == ["cifar10 + svhn, b=1000"]
    with pytest.raises(LookupError, match="figure 2 needs mnist"):
        figure_2(rounds[rounds["dataset"] != "mnist"])
    paths = save_figure(figure, tmp_path, "figure_6")
    assert [path.read_bytes()[:4] for path in paths] == [b"\x89PNG", b"<?xm", b"%PDF"]


def test_saved_figures_are_reproducible(tmp_path: Path):
    """No date and no random identifier: equal results give equal files."""
    rounds = make_frames(
        Sweep(settings=[("mnist", "", 100)], methods=METHODS[:2], seeds=2, last_round=1)
    ).rounds
    first, second = (save_figure(figure_2(rounds), tmp_path / name, "f") for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_every_paper_figure_has_its_own_number():
    """Figures 2 to 6."""
    assert [which.number for which in PAPER_FIGURES] == [2, 3, 4, 5, 6]
