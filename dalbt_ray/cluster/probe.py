"""Is there a Ray at an address, and does it answer? Told by a socket within seconds, without Ray.

Ray's own client waits for minutes for a head that is not there, and prints lines of C++ meanwhile. Every process of Ray
speaks HTTP/2, whose servers answer a client's first bytes with their settings, whatever it may want afterwards.
"""

import os
import socket
from contextlib import suppress
from typing import Literal

Answer = Literal["yes", "refused", "silent", "other"]
"""It is there; nobody listens or no such host; no answer (a stopped process, a cut network); no HTTP/2."""

_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # with empty settings
_SETTINGS = 4


def ask(address: str, patience_s: float = 3.0) -> Answer:
    """Say hello to `host:port` and wait for an answer, `patience_s` seconds at most for each of the two steps."""
    host, _, port = address.rpartition(":")
    try:
        connection = socket.create_connection((host.strip("[]"), int(port)), timeout=patience_s)
    except TimeoutError:
        return "silent"
    except (OSError, ValueError, OverflowError):
        return "refused"
    with connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):  # Ray's own switch: it speaks later
            return "yes"
        try:
            connection.sendall(_HELLO)
            head = b""
            while len(head) < 9 and (part := connection.recv(9 - len(head))):
                head += part
        except TimeoutError:
            return "silent"
        except OSError:
            return "refused"
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        return "yes" if len(head) == 9 and head[3] == _SETTINGS else "other"
