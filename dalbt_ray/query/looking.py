"""Read, hash and embed the files of a pool that are new or changed, block by block; everything else is known."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray.data.decoding import BadImageError
from dalbt_ray.data.embedding.embedding import Embed
from dalbt_ray.data.prepare.image_formats import NO_HEIC_READER, formats
from dalbt_ray.models.frozen import FrozenEmbedding
from dalbt_ray.query.image_blocks import BLOCK, ImageBlocks, Seen
from dalbt_ray.query.photographs import image_id, square
from dalbt_ray.query.pool_places import Place, Pool

READERS = 4
"""Threads that read and decode while the model computes; Pillow lets go of the interpreter while it decodes."""

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


@dataclass(frozen=True)
class _Opened:
    """A file that was read: its id, and pixels or a problem."""

    place: Place
    id: str
    pixels: NDArray[np.uint8] | None
    problem: str


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
    files = [seen for place in places if (seen := known.get(place.path)) is not None and seen.place == place]
    same = {seen.place.path for seen in files if not _may_be_there_now(seen)}
    return Look(tuple(files), tuple(place for place in places if place.path not in same))


def embed_unread(pool: Pool, blocks: ImageBlocks, embedding: FrozenEmbedding, say: Say) -> Look:
    """Read and embed what is new; killed on the way, the next call goes on after the last whole block.

    Args:
        pool: the images.
        blocks: what is known; grows.
        embedding: the model.
        say: told of the beginning, of the rate and the time left about every ten seconds, and of the end.
    """
    found = look(pool, blocks)
    if not found.unread:
        return found
    total, done, said = len(found.unread), 0, time.monotonic()
    say(f"{total:,} files to read and embed by {embedding.model} ({found.known:,} known)")
    embed, began = embedding.build(), time.monotonic()
    with_features = {seen.id for seen in blocks.files() if seen.embedded}
    with _readers() as readers:
        chunks = [found.unread[first : first + BLOCK] for first in range(0, total, BLOCK)]
        side = embedding.preprocessing.side
        ahead = [readers.submit(_open, pool, place, side) for place in chunks[0]]
        for number, chunk in enumerate(chunks):
            opened = [future.result() for future in ahead]
            following = chunks[number + 1] if number + 1 < len(chunks) else ()
            ahead = [readers.submit(_open, pool, place, side) for place in following]
            features = _embedded(opened, embed, with_features)
            blocks.append([Seen(each.place, each.id, each.problem) for each in opened], features)
            with_features |= features.keys()
            done += len(chunk)
            now = time.monotonic()
            if now - said > 10 or done == total:
                said, rate = now, done / (now - began)
                say(
                    f"{done:,} of {total:,} files, {rate:,.0f} a second, {_duration((total - done) / rate)} left"
                )
    return look(pool, blocks)


def plan(pool: Pool, blocks: ImageBlocks, embedding: FrozenEmbedding) -> str:
    """How long reading and embedding will take here, from a hundred files that are read for it and not kept."""
    found = look(pool, blocks)
    known, total = found.known, len(found.unread)
    if not total:
        return f"{known:,} files, all known: nothing to embed"
    tried = [found.unread[place] for place in np.linspace(0, total - 1, min(TRIED, total)).astype(int)]
    embed = embedding.build()
    with ThreadPoolExecutor(READERS) as readers:
        began = time.monotonic()
        side = embedding.preprocessing.side
        _embedded(list(readers.map(lambda place: _open(pool, place, side), tried)), embed, set())
        seconds = (time.monotonic() - began) / len(tried)
    return (
        f"{known + total:,} files, {total:,} to embed by {embedding.model} at {side} pixels: "
        f"{1 / seconds:,.0f} a second here ({torch.get_num_threads()} threads), about {_duration(total * seconds)}"
    )


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    """Threads; what they have not begun when the block ends is left, or an error would wait for a whole block."""
    readers = ThreadPoolExecutor(READERS)
    try:
        yield readers
    finally:
        readers.shutdown(cancel_futures=True)


def _may_be_there_now(seen: Seen) -> bool:
    """A file that could not be read and whose state does not show from outside, as of a URI: it is tried again."""
    return not seen.id and not seen.place.changed


def _open(pool: Pool, place: Place, side: int) -> _Opened:
    try:
        place.path.encode()
    except UnicodeEncodeError:
        shown = Place(place.path.encode("utf-8", "backslashreplace").decode(), place.size, place.changed)
        return _Opened(shown, "", None, "has a name that is not Unicode; rename it")
    try:
        data = pool.read(place.path)
    except OSError as error:
        return _Opened(place, "", None, f"cannot be read ({error.strerror or type(error).__name__})")
    try:
        return _Opened(place, image_id(data), square(data, side), "")
    except BadImageError as error:
        return _Opened(place, image_id(data), None, error.problem)


def _embedded(opened: Sequence[_Opened], embed: Embed, known: set[str]) -> dict[str, NDArray[np.float32]]:
    """Features of the images that are not known, by id; equal files are embedded once."""
    fresh = {each.id: each.pixels for each in opened if each.pixels is not None and each.id not in known}
    if not fresh:
        return {}
    vectors = embed(np.stack(list(fresh.values())))
    return dict(zip(fresh, vectors, strict=True))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
