"""Threads that decode images share one budget of pixels, so that several large ones do not take all of the memory."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition

from dalbt_ray.data.prepare.conversion import MOST_PIXELS, header_size

LARGE = 2**24
"""Pixels of an image after which memory is given back to the system."""

_PNG = b"\x89PNG\r\n\x1a\n"


class PixelBudget:
    """Pixels that may be decoded at once; the largest image takes them all, four photographs of 20 million fit."""

    def __init__(self, pixels: int = MOST_PIXELS) -> None:
        self._all = self._free = pixels
        self._changed = Condition()

    @contextmanager
    def share(self, data: bytes) -> Iterator[None]:
        """Have the pixels of an encoded image for a `with` block; waits for them."""
        wanted = min(_pixels(data), self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            if wanted > LARGE:
                _trim()
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


BUDGET = PixelBudget()
"""This process's."""


def _trim() -> None:
    """The C library keeps what a thread has freed for that thread: four of them kept four large images."""
    with suppress(AttributeError):  # it is glibc's
        ctypes.CDLL(None).malloc_trim(0)


def _pixels(data: bytes) -> int:
    if data.startswith(_PNG):  # the header is where it always is: small images are looked at in no time
        return int.from_bytes(data[16:20], "big") * int.from_bytes(data[20:24], "big")
    height, width = header_size(data) or (0, 0)
    # A JPEG is decoded small where it can be.
    return height * width // (2 if data.startswith(b"\xff\xd8") else 1)
