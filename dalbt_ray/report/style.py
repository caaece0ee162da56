"""One look per method, the same in every figure: color-blind-safe, and readable without color."""

from dataclasses import dataclass

from dalbt_ray.report.frames import is_baseline, variant_of

# Okabe & Ito, "Color universal design" (2008), without yellow, which is too light on white, and Paul Tol's wine.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#882255")
BASELINE_COLOR = "#000000"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4")


@dataclass(frozen=True)
class Style:
    """How a method is drawn: color and marker tell strategy and variant, a dash its second objective.

    `marker` is a matplotlib marker; `dash` an SVG dash pattern, empty for a solid line.
    """

    color: str
    marker: str
    dash: str


def styles(methods: list[str]) -> dict[str, Style]:
    """A style for every method, distinct for up to 24 strategies or variants of them; random is black.

    Args:
        methods: labels as `dalbt_ray.report.frames.method_label` makes them.
    """
    looks: dict[str, Style] = {}
    kinds = sorted({_kind(name) for name in methods if not is_baseline(name)}, key=_dalbt_first)
    for place, kind in enumerate(kinds):
        alike = sorted(name for name in methods if _kind(name) == kind)  # joint before supervised
        for number, name in enumerate(alike):
            color, marker = PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)]
            looks[name] = Style(color, marker, DASHES[number % len(DASHES)])
    for number, name in enumerate(sorted(filter(is_baseline, methods))):
        looks[name] = Style(BASELINE_COLOR, "x", DASHES[number % len(DASHES)])
    return {name: looks[name] for name in methods}


def _kind(method: str) -> tuple[str, str]:
    """What shares color and marker: strategy and variant."""
    return method.split(" (", 1)[0], variant_of(method)


def _dalbt_first(kind: tuple[str, str]) -> tuple[bool, str, str]:
    return kind[0] != "dalbt", *kind
