"""Many small files read at once: what makes thousands of them bearable, in an object store above all."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

READERS = 8


def each(call: Callable[[K], V], items: Iterable[K]) -> list[V]:
    """`call` of every item, in order, in a few threads."""
    rest = list(items)
    # A task for each file of thousands would cost as much as reading it.
    size = max(1, len(rest) // (8 * READERS))
    starts = range(0, len(rest), size)
    with ThreadPoolExecutor(READERS) as pool:
        parts = pool.map(lambda start: [call(item) for item in rest[start : start + size]], starts)
        return [value for part in parts for value in part]
