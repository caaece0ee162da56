"""An object store that is busy or away for a while: it is asked again for a bounded time, which is announced."""

import errno
import logging
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

WAIT_S = 180.0
"""Seconds without an answer after which the error is passed on: the sweep ends, and what is committed is kept."""

ANNOUNCE_S = 5.0
"""Seconds after which it is said that the store is waited for."""

PAUSE_S = 0.2
"""Before the second try; each further pause is twice as long, 4 s at most."""

_BUSY = {
    errno.EBUSY, errno.EIO, errno.EAGAIN, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED, errno.EPIPE,
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ETIMEDOUT, getattr(errno, "EREMOTEIO", errno.EIO),
}  # fmt: skip

_AWAY = {
    "HTTPClientError", "EndpointConnectionError", "IncompleteReadError", "ResponseStreamingError",  # botocore
    "ClientConnectionError", "ClientPayloadError", "ServerDisconnectedError",  # aiohttp
    "HttpError", "ConnectionError", "TimeoutError",  # gcsfs, the language
}  # fmt: skip
"""Names of exceptions that say that no answer came. The libraries are optional, and their errors are no `OSError`."""

_TRY_AGAIN = {408, 409, 425, 429}
"""The answers below 500 that may be others later: timeout, conflict, too early, too many requests."""

_log = logging.getLogger(__name__)


def patiently(call: Callable[[], T], location: str) -> T:
    """The answer of `call`, which asks the store at `location`; it is called again while the store is busy or away.

    Raises:
        OSError: still no answer after `WAIT_S`.
        Exception: whatever else `call` raises, at once.
    """
    began, pause, announced = time.monotonic(), PAUSE_S, False
    while True:
        try:
            return call()
        except Exception as error:
            if not is_outage(error):
                raise
            waited = time.monotonic() - began
            if waited >= WAIT_S:
                raise OSError(errno.EIO, f"gave no answer for {waited:.0f} s ({error})", location) from error
            if waited >= ANNOUNCE_S and not announced:
                announced = True
                _log.warning(
                    "%s gives no answer (%s); waiting %.0f s at most", location, error, WAIT_S - waited
                )
        time.sleep(pause)
        pause = min(2 * pause, 4.0)


def is_outage(error: Exception) -> bool:
    """Whether the store may answer the same request later."""
    status = http_status(error)
    if status is not None:
        return status >= 500 or status in _TRY_AGAIN
    if isinstance(error, OSError) and error.errno in _BUSY:
        return True
    return any(cls.__name__ in _AWAY for cls in type(error).__mro__)


def http_status(error: Exception) -> int | None:
    """The status of the answer that `error` stands for, as botocore, aiohttp and gcsfs keep it; None without one."""
    for each in (error, error.__cause__):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        else:
            status = getattr(each, "status", None) or getattr(each, "code", None)
        if isinstance(status, int):
            return status
    return None
