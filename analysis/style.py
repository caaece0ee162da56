"""One look per method, the same in every figure: color-blind-safe, and readable without color."""

from dataclasses import dataclass

from analysis.frames import BASELINE

# Okabe & Ito, "Color universal design" (2008), without yellow, which is too light on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
BASELINE_COLOR = "#000000"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4")
FIRST = ("dalbt", BASELINE)


@dataclass(frozen=True)
class Style:
    """How a method is drawn: color and marker tell the strategy, the dash its objective and options.

    `marker` is a matplotlib marker; `dash` an SVG dash pattern, empty for a solid line.
    """

    color: str
    marker: str
    dash: str


def styles(methods: list[str]) -> dict[str, Style]:
    """A style for every method, distinct for up to 24 strategies with five variants each.

    Args:
        methods: labels as `analysis.frames.method_label` makes them.
    """
    strategies = sorted({_strategy(name) for name in methods}, key=lambda name: (name not in FIRST, name))
    looks: dict[str, Style] = {}
    colored = [name for name in strategies if name != BASELINE]
    for strategy in strategies:
        place = 0 if strategy == BASELINE else colored.index(strategy)
        color = BASELINE_COLOR if strategy == BASELINE else PALETTE[place % len(PALETTE)]
        marker = "x" if strategy == BASELINE else MARKERS[place % len(MARKERS)]
        variants = sorted(name for name in methods if _strategy(name) == strategy)
        for number, name in enumerate(variants):
            looks[name] = Style(color, marker, DASHES[number % len(DASHES)])
    return {name: looks[name] for name in methods}


def _strategy(method: str) -> str:
    return method.split(" (", 1)[0]
