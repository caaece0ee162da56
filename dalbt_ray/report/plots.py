"""Static figures for papers: one call each, saved as PNG, SVG and PDF."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dalbt_ray.report.curves import learning_curves
from dalbt_ray.report.measures import MAIN, Measure
from dalbt_ray.report.study import Study
from dalbt_ray.report.style import Style, styles
from dalbt_ray.report.summaries import Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXIS_TITLES = {"n_bought": "labels paid for", "n_labeled": "labels gained"}
FORMATS = ("png", "svg", "pdf")


@dataclass(frozen=True)
class PaperFigure:
    """Which trials one figure of the paper shows."""

    dataset: str
    budget: int
    mixed: bool = False


PAPER_FIGURES = {
    2: PaperFigure("mnist", 100),
    3: PaperFigure("cifar10", 1000),
    4: PaperFigure("cifar10", 2500),
    5: PaperFigure("fashion_mnist", 100),
    6: PaperFigure("cifar10", 1000, mixed=True),
}
"""Figures 2 to 6 of the paper, by the experiment that its text gives each of them.

The paper states no budget for figure 5; ours is the smaller one of its grid."""


def paper_figure(study: Study, number: int) -> "Figure":
    """Figure `number` of the paper, 2 to 6, from the trials of its experiment.

    Raises:
        LookupError: no such figure, or no trial of the study belongs to it.
    """
    which, rounds = PAPER_FIGURES[number], study.rounds
    here = rounds[(rounds["dataset"] == which.dataset) & (rounds["budget"] == which.budget)]
    here = here[(here["ood"] != "") == which.mixed]
    if here.empty:
        kind = "mixed pools" if which.mixed else "single pool"
        message = f"figure {number} needs {which.dataset} ({kind}) with a budget of {which.budget}"
        raise LookupError(message)
    return curve_figure(study.part(here))


def curve_figure(study: Study, metric: str = MAIN, axis: Axis = "n_bought") -> "Figure":
    """Learning curves with 95 % t intervals over seeds, one panel per setting, one shared legend.

    Args:
        study: a prepared study, or a part of it.
        metric: the column to draw.
        axis: labels paid for (initial set included) or labels gained.
    """
    import matplotlib as mpl

    with mpl.rc_context({"text.parse_math": False}):  # a dollar sign in a name is a dollar sign
        return _curve_figure(study, metric, axis)


def _curve_figure(study: Study, metric: str, axis: Axis) -> "Figure":
    rounds = study.rounds
    curves = learning_curves(rounds, metric)
    measure = study.measures.get(metric) or Measure(metric, metric.replace("_", " "))
    initial = rounds[rounds["round"] == 0].groupby("setting")["n_labeled"].mean()
    settings = [name for name in rounds["setting"].unique() if (curves["setting"] == name).any()]
    looks = styles({name: study.methods[name] for name in sorted(rounds["method"].unique())})
    columns = max(1, min(3, len(settings)))
    figure, panels = _grid(
        columns, max(1, -(-len(settings) // columns)), legend=max(map(len, looks), default=0)
    )
    for panel, setting in zip(panels, settings, strict=False):
        here = curves[curves["setting"] == setting]
        offset = float(initial.get(setting, 0.0)) if axis == "n_bought" else 0.0
        draw_curves(panel, here, looks, axis=axis, offset=offset, scale=measure.scale)
        panel.set_title(setting, fontsize=10, y=1.0)  # without a height, every saved format looks for one
        panel.set_xlabel(AXIS_TITLES[axis])
        panel.set_ylabel(measure.axis_title)
    for panel in panels[len(settings) :]:
        panel.set_visible(False)
    handles = {line.get_label(): line for panel in panels for line in panel.get_lines()}
    names = [name for name in looks if name in handles]
    if names:
        figure.legend(
            [handles[name] for name in names], names, loc="outside right upper", fontsize=8, frameon=False
        )
    return figure


def _grid(columns: int, lines: int, legend: int) -> tuple["Figure", list["Axes"]]:
    """Panels of fixed size with room for a legend of `legend` characters on the right.

    Margins are given in inches: matplotlib's own layout engines draw everything twice for every saved format.
    """
    from matplotlib.figure import Figure

    width, height, left, right, bottom, top = 3.5, 2.6, 0.65, 0.75 + 0.062 * legend, 0.5, 0.35
    total_width = left + columns * width + (columns - 1) * left + right
    total_height = lines * (height + bottom + top)
    figure = Figure(figsize=(total_width, total_height))
    figure.subplots_adjust(
        left=left / total_width,
        right=1 - right / total_width,
        bottom=bottom / total_height,
        top=1 - top / total_height,
        wspace=left / width,
        hspace=(bottom + top) / height,
    )
    return figure, list(figure.subplots(lines, columns, squeeze=False).ravel())


def draw_curves(
    panel: "Axes",
    curves: pd.DataFrame,
    looks: dict[str, Style],
    *,
    axis: Axis,
    offset: float,
    scale: float,
) -> None:
    """Draw one setting's curves: a line with markers and a band per method.

    Args:
        panel: where to draw.
        curves: rows of `learning_curves` of one setting.
        looks: a style per method.
        axis: the label axis.
        offset: added to the axis: the size of the initial set, for labels paid for.
        scale: factor on the values, 100 for percentages.
    """
    alpha = 0.15 if curves["method"].nunique() <= 6 else 0.08
    for method, curve in curves.groupby("method"):
        look = looks[str(method)]
        x = curve[axis].to_numpy(np.float64) + offset
        dash = (0, tuple(float(length) for length in look.dash.split())) if look.dash else "-"
        panel.plot(
            x, scale * curve["mean"], color=look.color, marker=look.marker, linestyle=dash,
            markersize=4.5, linewidth=1.5, label=str(method),
        )  # fmt: skip
        if curve["low"].notna().any():
            panel.fill_between(
                x, scale * curve["low"], scale * curve["high"], color=look.color, alpha=alpha, linewidth=0
            )
    panel.set_ylim(*_visible(curves, scale))
    panel.grid(visible=True, color="#dddddd", linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)


def _visible(curves: pd.DataFrame, scale: float) -> tuple[float, float]:
    """The range of the value axis: all of the lines, and of the bands as much again on either side.

    The intervals of two seeds are twelve standard errors wide and would flatten the lines; they are cut.
    """
    low, high = scale * curves["mean"].min(), scale * curves["mean"].max()
    if curves["low"].notna().any():
        most = high - low if high > low else np.inf
        low, high = (
            min(low, max(scale * curves["low"].min(), low - most)),
            max(high, min(scale * curves["high"].max(), high + most)),
        )
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def save_figure(figure: "Figure", folder: Path, name: str, formats: tuple[str, ...] = FORMATS) -> list[Path]:
    """Save as `<folder>/<name>.<format>`; the text of SVG and PDF files stays text.

    The files carry no date, so that equal results give equal files.
    """
    import matplotlib as mpl

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{kind}" for kind in formats]
    with mpl.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": name}):
        for path in paths:
            dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(path.suffix[1:])
            figure.savefig(path, dpi=150, metadata=dated)
    return paths
