"""Many small files read at once: what makes thousands of them bearable, in an object store above all."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

READERS = 8


def each(call: Callable[[K], V], items: Iterable[K]) -> list[V]:
    """`call` of every item, in order, in a few threads."""
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(call, items))
