"""The contact sheet: one HTML file that opens from disk, in which a batch is looked at and labeled by keyboard."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import jinja2

from dalbt_ray.data.decoding import BadImageError
from dalbt_ray.query.batch import Batch
from dalbt_ray.query.batch_rows import BatchRow
from dalbt_ray.query.photographs import thumbnail
from dalbt_ray.query.pool_places import Pool
from dalbt_ray.query.replies import NOT_OURS, UNUSABLE

TEMPLATES = Path(__file__).parent / "templates"
NEIGHBOR = 72
"""Pixels of the nearest labeled image."""


def contact_sheet(batch: Batch) -> str:
    """The page, with every image in it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    small: dict[str, str] = {}
    return environment.get_template("contact_sheet.html.j2").render(
        batch=batch,
        data={
            "batch": batch.number,
            "pool": batch.pool.location,
            "classes": list(batch.classes),
            "ids": [row.id for row in batch.rows],
            "words": {"ood": NOT_OURS, "skip": UNUSABLE},
        },
        cards=[_card(batch.pool, row, small) for row in batch.rows],
    )


def _card(pool: Pool, row: BatchRow, small: dict[str, str]) -> dict[str, Any]:
    neighbor = row.neighbor
    if neighbor and neighbor.path and neighbor.path not in small:
        small[neighbor.path] = _inline(pool, neighbor.path, NEIGHBOR)
    copies = [*row.same_bytes, *(path for path, _ in row.near_copies)]
    return {
        "row": row,
        "name": row.path.rpartition("/")[2],
        "image": _inline(pool, row.path),
        "neighbor": neighbor,
        "neighbor_image": small.get(neighbor.path, "") if neighbor else "",
        "copies": copies,
        "foreign": row.pick.no_class is not None and row.pick.no_class > 0.5,
    }


def _inline(pool: Pool, path: str, *size: int) -> str:
    """A data URI; empty if the file went away since it was embedded."""
    try:
        return "data:image/jpeg;base64," + b64encode(thumbnail(pool.read(path), *size)).decode()
    except (OSError, BadImageError):
        return ""
