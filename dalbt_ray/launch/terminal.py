"""A console that shows names as they are: `[bold]` is text, and an escape sequence moves no cursor."""

from typing import Any, TextIO

from rich.console import Console

from dalbt_ray.errors import printable


class Terminal(Console):
    """Rich's console for text that comes from names.

    Args:
        stream: where to write; standard output if None.
    """

    def __init__(self, stream: TextIO | None = None, **settings: Any) -> None:
        super().__init__(file=stream, highlight=False, markup=False, **settings)

    def print(self, *objects: Any, **settings: Any) -> None:
        """As `Console.print`."""
        shown = [printable(each) if isinstance(each, str) else each for each in objects]
        super().print(*shown, **settings)
