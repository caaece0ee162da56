"""The pool as arrays: one row an image, features along principal axes, and what is known of each row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.embedding.embedded_set import Form
from dalbt_ray.query.image_blocks import ImageBlocks
from dalbt_ray.query.looking import Look
from dalbt_ray.query.replies import Reply

DIMENSIONS = 256
"""Principal axes that are kept: with those of EfficientNet-Lite0, a linear head loses nothing (docs/frozen.md)."""

FORM_SAMPLE = 10_000
"""Images that the axes are computed from, evenly spread over the pool: more change them little and cost minutes."""


@dataclass(frozen=True)
class KnownImages:
    """n images that were ever embedded; those whose files are gone stay, since their answers still teach.

    Attributes:
        ids: by row.
        features: float32[n, d], centered, of mean squared length 1.
        paths: by row, the first file that shows the image now; empty if it is gone.
        copies: further files with the same bytes, by row.
        problems: (path, reason) of the files that cannot be used.
        form: what made the features of the model's.
    """

    ids: tuple[str, ...]
    features: NDArray[np.float32]
    paths: tuple[str, ...]
    copies: dict[int, list[str]]
    problems: tuple[tuple[str, str], ...]
    form: Form

    @property
    def present(self) -> NDArray[np.bool_]:
        """bool[n], whether a file shows the image now."""
        return np.array([bool(path) for path in self.paths], bool)

    def rows(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """int64[k], the rows of some ids; ids that were never embedded (under this model) are left out."""
        place = {id_: row for row, id_ in enumerate(self.ids)}
        return np.array([place[id_] for id_ in ids if id_ in place], np.int64)


@dataclass(frozen=True)
class Answered:
    """What the answers say of the n rows.

    Attributes:
        classes: the pool's classes.
        labels: int64[n], index into `classes`, -1 where no class was given.
        no_class: bool[n], answered "not ours" or "cannot be used".
        asked: bool[n], in a batch or answered: not to be bought again.
        bought: int64[n], the batch that asked for the image, counted from 0; -1 for none.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    no_class: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    bought: NDArray[np.int64]

    @property
    def labeled(self) -> NDArray[np.bool_]:
        """bool[n]."""
        return self.labels >= 0


def known_images(blocks: ImageBlocks, found: Look) -> KnownImages:
    """The pool's images; features of 200,000 take 0.5 GB while they are reduced, 0.2 GB afterwards."""
    ids, raw = blocks.features()
    paths = [""] * len(ids)
    copies: dict[int, list[str]] = {}
    place = {id_: row for row, id_ in enumerate(ids)}
    problems = []
    for file in found.files:
        if file.problem:
            problems.append((file.place.path, file.problem))
        elif (row := place.get(file.id)) is None:
            continue  # its block turned out to be damaged: the next query reads it again
        elif paths[row]:
            copies.setdefault(row, []).append(file.place.path)
        else:
            paths[row] = file.place.path
    sample = np.unique(np.linspace(0, max(len(ids) - 1, 0), min(FORM_SAMPLE, len(ids))).astype(np.int64))
    if not len(sample):
        empty = np.zeros((1, 1), np.float32)
        return KnownImages((), np.empty((0, 1), np.float32), (), {}, tuple(problems), Form.of(empty))
    form = Form.of(raw[sample].astype(np.float32), DIMENSIONS)
    return KnownImages(tuple(ids), in_form(form, raw), tuple(paths), copies, tuple(problems), form)


def in_form(form: Form, raw: NDArray[np.float16]) -> NDArray[np.float32]:
    """float16[n, d] as the model gave it to float32[n, k], a few thousand rows at a time."""
    features = np.empty((len(raw), form.axes.shape[1]), np.float32)
    for first in range(0, len(raw), 4_096):
        features[first : first + 4_096] = form(raw[first : first + 4_096].astype(np.float32))
    return features


def answered(
    images: KnownImages, classes: Sequence[str], replies: Sequence[Reply], asked: Sequence[Sequence[str]]
) -> Answered:
    """The answers, by row.

    Args:
        images: the pool.
        classes: in order; every reply's class is among them.
        replies: the answers.
        asked: ids of each batch.
    """
    number = {name: label for label, name in enumerate(classes)}
    labels, no_class = np.full(len(images.ids), -1), np.zeros(len(images.ids), bool)
    bought = np.full(len(images.ids), -1)
    for batch, ids in enumerate(asked):
        bought[images.rows(ids)] = batch
    taken = bought >= 0
    place = {id_: row for row, id_ in enumerate(images.ids)}
    for reply in replies:
        if (row := place.get(reply.id)) is None:
            continue
        taken[row] = True
        labels[row], no_class[row] = number.get(reply.label, -1), not reply.is_class
    return Answered(tuple(classes), labels.astype(np.int64), no_class, taken, bought.astype(np.int64))
