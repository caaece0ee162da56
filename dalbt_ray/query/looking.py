"""Read, hash and embed the files of a pool that are new or changed, block by block; everything else is known."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from dalbt_ray.data.prepare.image_formats import NO_HEIC_READER, formats
from dalbt_ray.models.frozen import FrozenEmbedding
from dalbt_ray.query.image_blocks import BLOCK, ImageBlocks, Seen
from dalbt_ray.query.pool_places import Place, Pool, storable
from dalbt_ray.query.reading import UNREADABLE, Reading, Runner, read_here

TRIED = 100
"""Images that `plan` embeds to tell how long the rest will take."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Look:
    """The files of a pool now.

    Attributes:
        files: every file that is there and was read, ordered by path.
        unread: files that are new or changed, and those of `files` that were not to be had.
    """

    files: tuple[Seen, ...]
    unread: tuple[Place, ...]

    @property
    def known(self) -> int:
        """Files that need not be read."""
        unread = {place.path for place in self.unread}
        return sum(seen.place.path not in unread for seen in self.files)


def look(pool: Pool, blocks: ImageBlocks) -> Look:
    """What is there and what has to be read; reads no image."""
    read = blocks.files()
    embedded = {seen.id for seen in read if seen.embedded}
    # A reader that was installed since may read what could not be read.
    mended = {NO_HEIC_READER} if "HEIF" in formats() else set[str]()
    # Of a file that equals one in a damaged block, the features are lost too.
    known = {
        seen.place.path: seen
        for seen in read
        if (seen.id in embedded or seen.problem) and seen.problem not in mended
    }
    places = pool.places()
    stored = [storable(place) for place in places]
    files = [seen for place in stored if (seen := known.get(place.path)) is not None and seen.place == place]
    same = {seen.place.path for seen in files if not _may_be_readable_now(seen)}
    unread = [place for place, kept in zip(places, stored, strict=True) if kept.path not in same]
    return Look(tuple(files), tuple(unread))


def embed_unread(
    pool: Pool, blocks: ImageBlocks, embedding: FrozenEmbedding, say: Say, run: Runner = read_here
) -> Look:
    """Read and embed what is new; killed on the way, the next call goes on after the last whole block.

    Args:
        pool: the images.
        blocks: what is known; grows.
        embedding: the model.
        say: told of the beginning, of the rate and the time left about every ten seconds, and of the end.
        run: who reads and embeds.
    """
    blocks.remove_damaged()
    found = look(pool, blocks)
    if not found.unread:
        return found
    total, done, began = len(found.unread), 0, time.monotonic()
    said = began
    say(f"{total:,} files to read and embed by {embedding.model} ({found.known:,} known)")
    with_features = {seen.id for seen in blocks.files() if seen.embedded}
    reading = Reading(pool, embedding, frozenset(with_features))
    for block in run(reading, [found.unread[first : first + BLOCK] for first in range(0, total, BLOCK)]):
        features = {id_: vector for id_, vector in block.features.items() if id_ not in with_features}
        blocks.append(block.files, features)
        with_features |= features.keys()
        done += len(block.files)
        now = time.monotonic()
        if now - said > 10 or done == total:
            said, rate = now, done / (now - began)
            say(f"{done:,} of {total:,} files, {rate:,.0f} a second, {_duration((total - done) / rate)} left")
    return look(pool, blocks)


def plan(pool: Pool, blocks: ImageBlocks, embedding: FrozenEmbedding) -> str:
    """How long reading and embedding will take here, from a hundred files that are read for it and not kept."""
    found = look(pool, blocks)
    known, total = found.known, len(found.unread)
    if not total:
        return f"{known:,} files, all known: nothing to embed"
    tried = [found.unread[place] for place in np.linspace(0, total - 1, min(TRIED, total)).astype(int)]
    read = Reading(pool, embedding, frozenset())()
    began = time.monotonic()
    read(tried)
    seconds = (time.monotonic() - began) / len(tried)
    side = embedding.preprocessing.side
    return (
        f"{known + total:,} files, {total:,} to embed by {embedding.model} at {side} pixels: "
        f"{1 / seconds:,.0f} a second here ({torch.get_num_threads()} threads), about {_duration(total * seconds)}"
    )


def _may_be_readable_now(seen: Seen) -> bool:
    """A file that could not be read, and may be now while it looks the same from outside: it is tried again."""
    return not seen.id and (not seen.place.changed or seen.problem.startswith(UNREADABLE))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
