"""The one error that a user's input can cause, worded so that it can be fixed at once."""

from collections.abc import Iterable
from difflib import get_close_matches


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
        names = list(allowed)
        parts = [f"{field}: {value!r} {problem}"]
        if names:
            parts.append(f"allowed: {', '.join(names)}")
            close = get_close_matches(str(value), names, n=1, cutoff=0.5)
            if close:
                parts.append(f"did you mean {close[0]!r}?")
        if remedy:
            parts.append(remedy)
        super().__init__("; ".join(parts))
        self.field = field
        self.value = value

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the trip between processes, which rebuilds an exception from its arguments."""
        return (_rebuild, (str(self), self.field, self.value))


def _rebuild(message: str, field: str, value: object) -> InputError:
    error = InputError.__new__(InputError)
    ValueError.__init__(error, message)
    error.field, error.value = field, value
    return error
