"""Read, hash, decode and embed blocks of a pool's files: in this process, or wherever a runner does it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.data.decoding import BadImageError
from dalbt_ray.data.embedding.embedding import Embed
from dalbt_ray.models.frozen import FrozenEmbedding
from dalbt_ray.query.image_blocks import Seen
from dalbt_ray.query.photographs import image_id, square
from dalbt_ray.query.pixel_budget import BUDGET
from dalbt_ray.query.pool_places import Place, Pool, storable

READERS = 4
"""Threads that read and decode while the model computes; Pillow lets go of the interpreter while it decodes."""

UNREADABLE = "cannot be read"
"""How the problem of a file begins that may be readable another time: permissions, a disk or a store that fails."""


@dataclass(frozen=True)
class Opened:
    """A file that was read: its id, and pixels or a problem."""

    place: Place
    id: str
    pixels: NDArray[np.uint8] | None
    problem: str

    @property
    def seen(self) -> Seen:
        """Without the pixels."""
        return Seen(self.place, self.id, self.problem)


@dataclass(frozen=True)
class ReadBlock:
    """What became of a block.

    Attributes:
        files: in their order.
        features: float32[d] by id.
    """

    files: tuple[Seen, ...]
    features: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Reading:
    """What every process needs that reads blocks; picklable.

    Attributes:
        pool: the images.
        embedding: the model.
        known: ids that have features already. Of images that are the same in two blocks of one command each block has
            its own: so a block's features depend on nothing that another process does.
    """

    pool: Pool
    embedding: FrozenEmbedding
    known: frozenset[str]

    def __call__(self) -> Callable[[Sequence[Place]], ReadBlock]:
        """Load the model; what reads one block."""
        embed = self.embedding.build()

        def read(block: Sequence[Place]) -> ReadBlock:
            with reader_threads() as readers:
                return self.embedded(list(readers.map(self.opened, block)), embed)

        return read

    def opened(self, place: Place) -> Opened:
        """One file."""
        if (shown := storable(place)) != place:
            return Opened(shown, "", None, "has a name that is not Unicode; rename it")
        try:
            data = self.pool.read(place.path)
        except OSError as error:
            return Opened(place, "", None, f"{UNREADABLE} ({error.strerror or type(error).__name__})")
        except BadImageError as error:
            return Opened(place, "", None, error.problem)
        try:
            with BUDGET.share(data):
                pixels = square(data, self.embedding.preprocessing.side)
            return Opened(place, image_id(data), pixels, "")
        except BadImageError as error:
            return Opened(place, image_id(data), None, error.problem)

    def embedded(self, opened: Sequence[Opened], embed: Embed) -> ReadBlock:
        """One block; files that are equal are embedded once."""
        fresh = {
            each.id: each.pixels for each in opened if each.pixels is not None and each.id not in self.known
        }
        vectors = embed(np.stack(list(fresh.values()))) if fresh else ()
        return ReadBlock(tuple(each.seen for each in opened), dict(zip(fresh, vectors, strict=True)))


Runner: TypeAlias = Callable[[Reading, Sequence[Sequence[Place]]], Iterator[ReadBlock]]
"""Reads the blocks, in their order; anyone who calls it keeps them."""


def read_here(reading: Reading, blocks: Sequence[Sequence[Place]]) -> Iterator[ReadBlock]:
    """The runner of this process: the next block is read while the model computes."""
    embed = reading.embedding.build()
    with reader_threads() as readers:
        ahead = [readers.submit(reading.opened, place) for place in blocks[0]]
        for following in (*blocks[1:], ()):
            opened = [future.result() for future in ahead]
            ahead = [readers.submit(reading.opened, place) for place in following]
            yield reading.embedded(opened, embed)


@contextmanager
def reader_threads() -> Iterator[ThreadPoolExecutor]:
    """Threads; what they have not begun when the block ends is left, or an error would wait for a whole block."""
    readers = ThreadPoolExecutor(READERS)
    try:
        yield readers
    finally:
        readers.shutdown(cancel_futures=True)
