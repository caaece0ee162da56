"""The parts a report page is made of, and how they become one HTML file."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import jinja2
import pandas as pd

from dalbt_ray.report.style import Style

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Text:
    """A paragraph; a `note` is set smaller."""

    kind: ClassVar[str] = "text"
    text: str
    note: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Items:
    """A bulleted list."""

    kind: ClassVar[str] = "list"
    items: list[str]


@dataclass(frozen=True)
class Files:
    """Links to files beside the page, as paths relative to it."""

    kind: ClassVar[str] = "files"
    items: list[str]


@dataclass(frozen=True)
class Preformatted:
    """Text with its own line breaks, folded away under a title."""

    kind: ClassVar[str] = "pre"
    title: str
    text: str


@dataclass(frozen=True)
class TextTable:
    """A table of text. `text_columns` are left-aligned, the others are numbers."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: list[str]
    rows: list[list[str]]
    text_columns: list[int] = field(default_factory=lambda: [0])

    @classmethod
    def of(cls, frame: pd.DataFrame, caption: str = "", text_columns: tuple[str, ...] = ()) -> "TextTable":
        """The table of a frame whose cells are text already; its first column is left-aligned."""
        columns = [str(name) for name in frame.columns]
        left = [0, *(columns.index(name) for name in text_columns)]
        return cls(caption, columns, [[str(cell) for cell in row] for row in frame.to_numpy()], left)


@dataclass(frozen=True)
class HeatTable:
    """A matrix whose cells are shaded from 0 (white) to 1."""

    kind: ClassVar[str] = "heat"
    caption: str
    columns: list[str]
    rows: list[tuple[str, list[tuple[str, float]]]]

    @classmethod
    def of(cls, matrix: pd.DataFrame, caption: str, digits: int, top: float) -> "HeatTable":
        """The matrix of a square frame; `top` is the value that gets the full shade, NaN cells stay empty."""

        def cell(value: float) -> tuple[str, float]:
            if math.isnan(value):
                return "", 0.0
            return "0" if value == 0 else f"{value:.{digits}f}", min(1.0, max(0.0, value / top))

        rows = [(str(name), [cell(float(v)) for v in row]) for name, row in matrix.iterrows()]
        return cls(caption, [str(name) for name in matrix.columns], rows)


@dataclass(frozen=True)
class Curves:
    """The place of the interactive chart."""

    kind: ClassVar[str] = "curves"


@dataclass(frozen=True)
class Drawing:
    """A drawing as SVG, and a key of names and looks where it has none of its own."""

    kind: ClassVar[str] = "drawing"
    svg: str
    key: list[tuple[str, Style]] = field(default_factory=list)


@dataclass(frozen=True)
class Thumbnail:
    """A small picture: its `data:` URI (empty for none), what it shows, and whether it is framed as OOD."""

    uri: str
    title: str
    is_ood: bool = False


@dataclass(frozen=True)
class Folded:
    """Matrices side by side, under a title that folds them away."""

    kind: ClassVar[str] = "folded"
    title: str
    tables: list[HeatTable]


Sheet = tuple[str, list[tuple[str, list[Thumbnail]]]]
"""A caption, and named lines of small pictures."""


@dataclass(frozen=True)
class ContactSheets:
    """Sheets of small pictures, under a title that folds them away."""

    kind: ClassVar[str] = "sheets"
    title: str
    sheets: list[Sheet]
    unfolded: bool = False


@dataclass(frozen=True)
class Checks:
    """The list of sanity checks."""

    kind: ClassVar[str] = "checks"
    checks: list[Any]


Block = (
    Text
    | Heading
    | Items
    | Files
    | Preformatted
    | TextTable
    | HeatTable
    | Curves
    | Drawing
    | Folded
    | ContactSheets
    | Checks
)


@dataclass(frozen=True)
class Section:
    """A titled part of the page."""

    anchor: str
    title: str
    blocks: list[Block]


@dataclass(frozen=True)
class Page:
    """A whole report; `verdict` are its first sentences. `refresh` seconds after it was opened it loads again."""

    title: str
    subtitle: str
    verdict: list[str]
    facts: list[tuple[str, str]]
    banners: list[str]
    sections: list[Section]
    footer: str
    refresh: float = 0


def render(page: Page, curves: dict[str, Any]) -> str:
    """One HTML document without any outside reference.

    Every text is escaped: names in results folders come from users. The curves travel as JSON in a data
    block, in which `<` cannot appear and so cannot end it.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    data = json.dumps(curves, separators=(",", ":"), allow_nan=False)
    return environment.get_template("report.html.j2").render(
        page=page,
        css=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        js=(TEMPLATES / "report.js").read_text(encoding="utf-8"),
        curves_json=data.replace("<", "\\u003c"),
    )
