"""Wait until something has happened, with a limit that fails the test."""

from collections.abc import Callable
from threading import Event
from time import monotonic


def wait_for(happened: Callable[[], bool], seconds: float) -> None:
    """Poll `happened` five times a second.

    Raises:
        TimeoutError: it did not happen within `seconds`.
    """
    limit = monotonic() + seconds
    pause = Event()
    while not happened():
        if monotonic() > limit:
            raise TimeoutError(f"did not happen within {seconds:g} s")
        pause.wait(0.2)
