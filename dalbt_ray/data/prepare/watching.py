"""A progress bar for what takes minutes with photographs: each has to be decoded twice."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")


def watched(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """The same items, with a progress bar on standard error while they are taken, if that is a terminal."""
    console = Console(stderr=True)
    yield from track(
        items, what, total=total, console=console, transient=True, disable=not console.is_terminal
    )
