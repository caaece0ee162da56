"""Drawings of the page: names of any length, and every marker."""

import re

import pandas as pd
import pytest

from dalbt_ray.report.drawings import critical_difference_diagram
from dalbt_ray.report.page import TEMPLATES
from dalbt_ray.report.style import MARKERS, Style


@pytest.mark.parametrize("length", [6, 60, 110])
def test_ranks_rise_to_the_right_beside_names_of_any_length(length: int) -> None:
    """Inside the drawing, right of the names, the best at the left."""
    ranks = pd.Series({f"{name}{'x' * length}": rank for name, rank in (("a", 1.0), ("b", 2.0), ("c", 3.0))})
    looks = {name: Style("#000000", "o", "") for name in ranks.index}
    svg = critical_difference_diagram(ranks, 0.5, looks)
    (width,) = map(float, re.findall(r'<svg [^>]*?width="([0-9.]+)"', svg))
    places = [float(x) for x in re.findall(r'cx="([-0-9.]+)"', svg)]
    assert places == sorted(set(places))
    assert 7 * length < places[0]
    assert places[-1] < width


def test_the_page_draws_every_marker_of_the_figures() -> None:
    """A shape that its script does not know becomes a circle, which is another method's."""
    script = (TEMPLATES / "report.js").read_text()
    shapes = script.partition("const shapes = {")[2].partition("\n    };")[0]
    known = set(re.findall(r'^ {6}"?([^":\s]+)"?:', shapes, re.MULTILINE))
    crosses = set(re.findall(r'kind === "(.)"', script))
    assert set(MARKERS) - {"o"} <= known | crosses
