"""What a batch says of each of its images, for every form in which it is handed out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dalbt_ray.query.choosing import Choice, Pick
from dalbt_ray.query.known_images import Answered, KnownImages
from dalbt_ray.query.near_copies import near, unit


@dataclass(frozen=True)
class LabeledNeighbor:
    """The labeled image that is most like a picked one.

    Attributes:
        path: its file; empty if that is gone.
        label: its class.
        cosine: of the two features.
    """

    path: str
    label: str
    cosine: float


@dataclass(frozen=True)
class BatchRow:
    """One image of a batch.

    Attributes:
        rank: from 1 on.
        id, path: which image.
        pick: why.
        neighbor: the nearest labeled image; None without labels.
        near_copies: (path, cosine) of other images of the pool that count as its copies.
        same_bytes: further files with exactly its bytes.
    """

    rank: int
    id: str
    path: str
    pick: Pick
    neighbor: LabeledNeighbor | None
    near_copies: tuple[tuple[str, float], ...]
    same_bytes: tuple[str, ...]


def batch_rows(images: KnownImages, answers: Answered, choice: Choice, threshold: float) -> list[BatchRow]:
    """The rows of a batch, in order."""
    rows = np.array([pick.row for pick in choice.picks], np.int64)
    points = unit(images.features)
    labeled = np.flatnonzero(answers.labeled)
    neighbors = near(points[rows], points[labeled], -1.0)
    copies: dict[int, list[tuple[str, float]]] = {}
    picked = set(rows.tolist())
    for row, place in enumerate(near(points, points[rows], threshold)):
        if place >= 0 and row not in picked and images.paths[row]:
            cosine = float(points[row] @ points[rows[place]])
            copies.setdefault(int(place), []).append((images.paths[row], cosine))
    return [
        BatchRow(
            rank=place + 1,
            id=images.ids[pick.row],
            path=images.paths[pick.row],
            pick=pick,
            neighbor=_neighbor(images, answers, pick.row, int(labeled[neighbors[place]]))
            if len(labeled)
            else None,
            near_copies=tuple(sorted(copies.get(place, []), key=lambda copy: -copy[1])),
            same_bytes=tuple(images.copies.get(pick.row, ())),
        )
        for place, pick in enumerate(choice.picks)
    ]


def _neighbor(images: KnownImages, answers: Answered, row: int, other: int) -> LabeledNeighbor:
    a, b = unit(images.features[[row, other]])
    return LabeledNeighbor(images.paths[other], answers.classes[answers.labels[other]], float(a @ b))


CSV_COLUMNS = ("id", "path", "rank", "predicted", "score", "reason", "probability", "not_ours", "random")


def csv_rows(rows: Sequence[BatchRow]) -> list[tuple[str, ...]]:
    """`batch.csv` without its first line."""
    return [
        (
            row.id, row.path, str(row.rank), row.pick.predicted, _number(row.pick.score), row.pick.reason,
            _number(row.pick.probability), _number(row.pick.no_class), str(row.pick.explored).lower(),
        )
        for row in rows
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
