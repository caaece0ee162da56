"""Near copies: how alike two features are if two files show the same picture, measured on copies made of this pool.

No threshold suits every pool: small gray images are all alike for a model of photographs. So of some hundred images a
copy is made (cropped, shrunk, brighter, saved again) and embedded; the cosine that most of these copies reach with
their originals is the threshold, unless different images are that alike too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dalbt_ray.data.decoding import BadImageError
from dalbt_ray.data.embedding.embedding import Embed
from dalbt_ray.query.known_images import KnownImages, in_form
from dalbt_ray.query.photographs import near_copy, square
from dalbt_ray.query.pool_places import Pool
from dalbt_ray.results.parquet_bounds import open_parquet
from dalbt_ray.results.storage.local_disk import LocalStorage

MADE = 200
"""Copies that are made; of a smaller pool, one of every image."""

REACHED = 0.95
"""Share of the made copies that the threshold finds."""

STRANGERS, BY_CHANCE = 1_000, 0.05
"""Among so many images of the pool, at most this share may count as a copy of another by chance. What counts is the
cosine with the third nearest: pairs and triples are the copies that are looked for."""

_BLOCK = 1 << 24
"""Similarities in memory at once: 64 MiB."""

_AT_ONCE = 512
"""Images of a batch that are compared at once with those before them."""


@dataclass(frozen=True)
class Likeness:
    """When two images count as copies of each other.

    Attributes:
        threshold: of the cosine of two rows of features.
        made: copies that it was measured on; 0 for none, and then only equal features are copies.
        found: share of them that the threshold finds.
    """

    threshold: float
    made: int
    found: float

    def __str__(self) -> str:
        if not self.made:
            return "near copies: no image to measure a threshold on"
        return f"near copies: cosine above {self.threshold:.3f}, as {self.found:.0%} of {self.made} copies made have"


def likeness(
    storage: LocalStorage, key: str, pool: Pool, images: KnownImages, side: int, build: Callable[[], Embed]
) -> Likeness:
    """The threshold of this pool under this model; copies are made and embedded once and kept while they suffice.

    Args:
        storage: the state folder.
        key: of the model.
        pool: where images are read.
        images: its rows.
        side: pixels that the model takes.
        build: makes the model; called only if copies have to be embedded.
    """
    name = f"copies/{key}.parquet"
    try:
        table = open_parquet(storage.read(name), page_checksum_verification=True).read(use_threads=False)
        originals, copies = (
            np.array(table[column].to_pylist(), np.float16) for column in ("original", "copy")
        )
    except (FileNotFoundError, pa.ArrowException, OSError, KeyError, ValueError):
        originals = np.empty((0, 1), np.float16)
    if 2 * len(originals) < min(MADE, int(images.present.sum())):  # none yet, or the pool was smaller then
        originals, copies = _made(pool, images, side, build())
        columns = {
            name: pa.array(list(x), pa.list_(pa.float16()))
            for name, x in (("original", originals), ("copy", copies))
        }
        sink = BytesIO()
        pq.write_table(pa.table(columns), sink, write_page_checksum=True)
        storage.write(name, sink.getvalue())
    if not len(originals):
        return Likeness(1.0, 0, 0.0)
    sample = np.linspace(0, len(images.ids) - 1, min(STRANGERS, len(images.ids))).astype(np.int64)
    a, b = unit(in_form(images.form, originals)), unit(in_form(images.form, copies))
    return measured(np.einsum("md,md->m", a, b), unit(images.features[sample]))


def measured(copies: NDArray[np.float32], sample: NDArray[np.float32]) -> Likeness:
    """The threshold.

    Args:
        copies: float32[m], cosines of originals and their copies.
        sample: float32[k, d] of length 1, different images.
    """
    reached = float(np.quantile(copies, 1 - REACHED))
    if len(sample) > 3:
        cosines = sample @ sample.T  # an image itself is the most similar to it
        third = np.partition(cosines, -4, axis=1)[:, -4]
        reached = max(reached, float(np.quantile(third, 1 - BY_CHANCE)))
    return Likeness(reached, len(copies), float((copies >= reached).mean()))


def unit(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    lengths[lengths == 0] = 1.0
    result: NDArray[np.float32] = features / lengths
    return result


def near(features: NDArray[np.float32], to: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """For each image the row of `to` that it is a near copy of, the most similar one; -1 for none.

    Args:
        features: float32[n, d] of length 1.
        to: float32[m, d] of length 1.
        threshold: of the cosine.

    Returns:
        int64[n]. n x m similarities are never held at once.
    """
    nearest = np.full(len(features), -1, np.int64)
    if not len(to):
        return nearest
    step = max(1, _BLOCK // len(to))
    for first in range(0, len(features), step):
        cosines = features[first : first + step] @ to.T
        best = cosines.argmax(axis=1)
        found = cosines[np.arange(len(best)), best] >= threshold
        nearest[first : first + step][found] = best[found]
    return nearest


def without_copies(
    order: Sequence[int], features: NDArray[np.float32], threshold: float
) -> tuple[list[int], dict[int, int]]:
    """The rows of `order` that are near no earlier kept one, and which kept one each of the others is near.

    Args:
        order: rows, the wanted ones first; a pool of films may be asked for as a whole, so some hundred are compared
            at once with those that are kept.
        features: float32[n, d] of length 1.
        threshold: of the cosine.
    """
    kept: list[int] = []
    dropped: dict[int, int] = {}
    for first in range(0, len(order), _AT_ONCE):
        rows = order[first : first + _AT_ONCE]
        before = len(kept)
        alike = features[rows] @ features[[*kept, *rows]].T >= threshold
        places = list(range(before))  # columns of the rows that are kept
        for place, row in enumerate(rows):
            earlier = np.flatnonzero(alike[place, places])
            if len(earlier):
                dropped[row] = kept[earlier[0]]
            else:
                kept.append(row)
                places.append(before + place)
    return kept, dropped


def _made(
    pool: Pool, images: KnownImages, side: int, embed: Embed
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    rows = np.flatnonzero(images.present)
    rows = rows[np.unique(np.linspace(0, max(len(rows) - 1, 0), min(MADE, len(rows))).astype(np.int64))]
    pairs = []
    for row in rows:
        try:
            data = pool.read(images.paths[row])
            pairs.append((square(data, side), square(near_copy(data), side)))
        except (OSError, BadImageError):
            continue  # gone or changed since it was embedded
    if not pairs:
        return np.empty((0, 1), np.float16), np.empty((0, 1), np.float16)
    originals, copies = (embed(np.stack(list(part))).astype(np.float16) for part in zip(*pairs, strict=True))
    return originals, copies
