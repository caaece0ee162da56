"""The one error that a user's input can cause, worded so that it can be fixed at once."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 160
"""Characters of a value that a message shows."""


class InputError(ValueError):
    """Input that is refused before any training: field, value and remedy in one line; a list may follow, indented.

    Commands print the message without a traceback and exit with status 2.
    """

    def __init__(
        self,
        field: str,
        value: object,
        problem: str,
        *,
        allowed: Iterable[str] = (),
        remedy: str = "",
    ) -> None:
        names, shown = list(allowed), shortened(value)
        parts = [f"{field}: {shown} {problem}"]
        if names:
            parts.append(f"allowed: {', '.join(names)}")
            meant = nearest(value, names)
            if meant is not None:
                parts.append(f"did you mean {meant!r}?")
        if remedy:
            parts.append(remedy)
        super().__init__(printable("; ".join(parts)))
        self.field = field
        self.value = value

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the trip between processes, which rebuilds an exception from its arguments."""
        return (_rebuild, (str(self), self.field, self.value))


def nearest(value: object, names: Iterable[str]) -> str | None:
    """The name that `value` was most likely meant to be; None where none is like it."""
    return next(iter(near_names(value, names)), None)


def near_names(value: object, names: Iterable[str]) -> list[str]:
    """Up to three names that `value` may have been meant to be, the likeliest first."""
    if len(shortened(value)) >= LONGEST:
        return []
    return get_close_matches(str(value), list(names), n=3, cutoff=0.5)


def printable(text: str) -> str:
    """`text` with control characters as escapes: a name must not move a terminal's cursor or turn its text around."""
    return "".join(sign if _is_harmless(sign) else f"\\u{ord(sign):04x}" for sign in text)


_TURNS_TEXT = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _is_harmless(sign: str) -> bool:
    if sign in "\n\t":
        return True
    return sign not in _TURNS_TEXT and unicodedata.category(sign) not in ("Cc", "Cs")


def shortened(value: object) -> str:
    """`repr(value)`, cut to `LONGEST` characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes no number of more than 4,300 digits
        return f"(a value of type {type(value).__name__} that is too long to show)"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters)"


def _rebuild(message: str, field: str, value: object) -> InputError:
    error = InputError.__new__(InputError)
    ValueError.__init__(error, message)
    error.field, error.value = field, value
    return error
