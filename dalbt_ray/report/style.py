"""One look per method, the same in every figure: told apart by color, and by marker and dash without it."""

from collections.abc import Mapping
from dataclasses import dataclass

from dalbt_ray.report.baselines import BASELINE
from dalbt_ray.report.cells import Method, Options

# Okabe & Ito, "Color universal design" (2008), without yellow, which is too light on white, and Paul Tol's wine; then
# the colors of lightness 28 to 64 that are farthest from all before them in CIELAB. Any two are 26 or more apart.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255", "#1E23C4", "#F408CD", "#05B402",
    "#7A6632", "#FE2D65", "#9A7DF5", "#8EA515", "#1F5D5F", "#7C2112", "#034E01", "#6B1687", "#E0826B", "#4C3C59",
)  # fmt: skip
BASELINE_COLOR = "#000000"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4")
FIRST = "dalbt"
"""The strategy whose color does not depend on which others are there."""


@dataclass(frozen=True)
class Style:
    """How a method is drawn: color and marker tell strategy and options, a dash its second objective.

    `marker` is a matplotlib marker; `dash` an SVG dash pattern, empty for a solid line.
    """

    color: str
    marker: str
    dash: str


def styles(methods: Mapping[str, Method]) -> dict[str, Style]:
    """A style for every method by name, of 20 colors for strategies and their options; random is black."""
    looks: dict[str, Style] = {}
    kinds = sorted({_kind(method) for method in methods.values() if method.strategy != BASELINE}, key=_order)
    for place, kind in enumerate(kinds):
        color, marker = PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)]
        _dashed(looks, [name for name, method in methods.items() if _kind(method) == kind], color, marker)
    _dashed(
        looks, [name for name, method in methods.items() if method.strategy == BASELINE], BASELINE_COLOR, "x"
    )
    return {name: looks[name] for name in methods}


def _dashed(looks: dict[str, Style], names: list[str], color: str, marker: str) -> None:
    for number, name in enumerate(sorted(names)):
        looks[name] = Style(color, marker, DASHES[number % len(DASHES)])


def _kind(method: Method) -> tuple[str, Options]:
    """What shares color and marker."""
    return method.strategy, method.options


def _order(kind: tuple[str, Options]) -> tuple[bool, str, str]:
    return kind[0] != FIRST, kind[0], str(kind[1])
