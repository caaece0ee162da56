"""Small drawings of the page as SVG text: critical differences, performance profiles, purity by query."""

from collections.abc import Callable, Mapping
from html import escape

import numpy as np
import pandas as pd

from dalbt_ray.report.style import Style

WIDTH, ROW, CHARACTER = 680, 22, 7.0
"""Pixels: of a drawing, of a line of text, and at most of a character of 13 pixels."""

BARS = 320
"""Pixels that bars beside names have at least; long names make the drawing wider."""


def critical_difference_diagram(
    ranks: "pd.Series[float]", difference: float, looks: Mapping[str, Style]
) -> str:
    """Mean ranks with bars of half the critical difference to each side: methods whose bars do not overlap differ.

    One line a method, best first, so that no label can meet another.

    Args:
        ranks: mean rank by method, best first.
        difference: the critical difference.
        looks: a style for each method.
    """
    left = CHARACTER * max(map(len, ranks.index)) + 12
    width = max(WIDTH, left + BARS)
    low = min(1.0, float(ranks.min()) - difference / 2)
    high = max(float(len(ranks)), float(ranks.max()) + difference / 2)
    height: float = ROW * (len(ranks) + 2)

    def x(rank: float) -> float:
        return left + (width - left - 16) * (rank - low) / (high - low)

    parts = []
    for rank in range(1, len(ranks) + 1):
        parts.append(_line(x(rank), ROW, x(rank), height - ROW, "#e4e8ec"))
        if rank % max(1, len(ranks) // 8) == 0 or rank == 1:
            parts.append(_text(x(rank), height - 6, str(rank), "middle"))
    for place, (method, mean) in enumerate(ranks.items()):
        y, color = ROW * (place + 1.5), looks[str(method)].color
        parts.append(_text(left - 10, y + 4, str(method), "end"))
        parts.append(_line(x(mean - difference / 2), y, x(mean + difference / 2), y, color, 3))
        parts.append(f'<circle cx="{x(mean):.1f}" cy="{y:.1f}" r="5" fill="{color}"/>')
    return _svg(height, parts, "Mean ranks of the methods with bars of the critical difference", width)


def profile_chart(profiles: pd.DataFrame, looks: Mapping[str, Style]) -> str:
    """Performance profiles as curves, gains in points along the horizontal axis; the page's legend tells them apart."""
    left, right, top, bottom, height = 44.0, 16.0, 14.0, 40.0, 320.0
    gain = 100 * profiles.index.to_numpy(np.float64)
    low, high = float(gain[0]), float(gain[-1]) if gain[-1] > gain[0] else float(gain[0]) + 1

    def x(value: float) -> float:
        return left + (WIDTH - left - right) * (value - low) / (high - low)

    def y(share: float) -> float:
        return height - bottom - (height - top - bottom) * share

    parts = _share_lines(y, left, right)
    step = _round_step((high - low) / 6)
    parts += [
        _text(x(tick), height - bottom + 18, f"{tick:+.3g}" if abs(tick) > step / 2 else "0", "middle")
        for tick in np.arange(np.ceil(low / step) * step, high, step)
    ]
    if low < 0 < high:
        parts.append(_line(x(0), top, x(0), height - bottom, "#57606a"))
    parts.append(_text((left + WIDTH) / 2, height - 4, "gain in AUBC over random, points", "middle"))
    for method in profiles.columns:
        look = looks[str(method)]
        path = " ".join(f"{x(g):.1f},{y(s):.1f}" for g, s in zip(gain, profiles[method], strict=True))
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{look.color}" stroke-width="2" '
            f'stroke-dasharray="{look.dash}"><title>{escape(str(method))}</title></polyline>'
        )
    return _svg(height, parts, "Share of runs whose gain over random is above a threshold")


def course_chart(course: pd.DataFrame, base_rate: float, looks: Mapping[str, Style]) -> str:
    """A share in 0..1 from query to query, one curve a method; the page's legend tells them apart.

    Args:
        course: queries in rows, methods in columns.
        base_rate: drawn as a dotted line.
        looks: a style for each method.
    """
    left, right, top, bottom, height = 44.0, 16.0, 14.0, 40.0, 280.0
    queries = [float(query) for query in course.index]

    def x(query: float) -> float:
        return left + (WIDTH - left - right) * (query - queries[0]) / (queries[-1] - queries[0])

    def y(share: float) -> float:
        return height - bottom - (height - top - bottom) * share

    parts = _share_lines(y, left, right)
    every = max(1, len(queries) // 10)
    parts += [_text(x(query), height - bottom + 18, f"{query:g}", "middle") for query in queries[::every]]
    parts.append(_text((left + WIDTH) / 2, height - 4, "query", "middle"))
    parts.append(
        f'<polyline points="{left:.1f},{y(base_rate):.1f} {WIDTH - right:.1f},{y(base_rate):.1f}" fill="none" '
        'stroke="#57606a" stroke-dasharray="2 4"/>'
    )
    for method in course.columns:
        look, values = looks[str(method)], course[method].dropna()
        path = " ".join(
            f"{x(float(query)):.1f},{y(share):.1f}" for query, share in zip(values.index, values, strict=True)
        )
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{look.color}" stroke-width="2" '
            f'stroke-dasharray="{look.dash}"><title>{escape(str(method))}</title></polyline>'
        )
    return _svg(height, parts, "Purity of each query, method by method")


def _share_lines(y: Callable[[float], float], left: float, right: float) -> list[str]:
    """Lines at every quarter of a share, with their numbers at the left."""
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line(left, y(share), WIDTH - right, y(share), "#e4e8ec"))
        parts.append(_text(left - 8, y(share) + 4, f"{share:g}", "end"))
    return parts


def _round_step(raw: float) -> float:
    """1, 2 or 5 times a power of ten, at least `raw`."""
    power = 10.0 ** np.floor(np.log10(raw))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= raw))


def _svg(height: float, parts: list[str], label: str, width: float = WIDTH) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(label)}" font-family="sans-serif" font-size="13">'
        f"{''.join(parts)}</svg>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, color: str, width: float = 1) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-width="{width:g}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
