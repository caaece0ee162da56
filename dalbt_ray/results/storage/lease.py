"""One driver at a time in a results folder.

The lease saves work, it does not protect the files: the commit protocol does that, anyone who writes. So a lease may be
taken over from an owner that gives no sign of life, at the risk that it only slept.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from dalbt_ray.errors import InputError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds that a driver allows another one to show that it is alive.

    Attributes:
        heartbeat: an owner gives a sign of life this often.
        watch: silence after which a waiting driver says that it waits.
        expiry: silence after which an owner has lost its lease.
    """

    heartbeat: float = 1.5
    watch: float = 4.0
    expiry: float = 60.0


class Lease:
    """A lease that is held. Poll `lost`; when it is true, schedule nothing more."""

    def __init__(self) -> None:
        self._lost = threading.Event()

    @property
    def lost(self) -> bool:
        """Whether another driver took over, or the folder went away."""
        return self._lost.is_set()

    def wait_lost(self, timeout: float) -> bool:
        """Wait until the lease is lost, at most `timeout` seconds; whether it is."""
        return self._lost.wait(timeout)

    def lose(self) -> None:
        """Mark the lease as lost."""
        self._lost.set()


class Claim(Protocol):
    """One way to hold a lease."""

    def attempt(self) -> bool:
        """Try to become the owner, at once. Replaces an owner that is dead or expired."""

    def signs(self) -> object:
        """Something that changes with each sign of life of the present owner."""

    def owner(self) -> str:
        """The present owner: host, pid, since when."""

    def release(self) -> None:
        """Give the lease back."""


@contextmanager
def hold(claim: Claim, location: str, patience: Patience) -> Iterator[None]:
    """Own the lease of `location` for a `with` block.

    Raises:
        InputError: another driver is alive; names its host, pid, and since when.
    """
    _acquire(claim, location, patience)
    try:
        yield
    finally:
        claim.release()


def _acquire(claim: Claim, location: str, patience: Patience) -> None:
    if claim.attempt():
        return
    began, first, announced = time.monotonic(), claim.signs(), False
    while not claim.attempt():
        silence = time.monotonic() - began
        if claim.signs() != first or silence > patience.expiry + 20:
            raise InputError(
                "results",
                location,
                f"is in use by another driver: {claim.owner()}",
                remedy="wait until it has finished, stop it, or name another folder",
            )
        if silence > patience.watch and not announced:
            announced = True
            _log.warning(
                "%s belongs to a driver that gives no sign of life (%s); taking over within %.0f s",
                location,
                claim.owner(),
                patience.expiry - silence,
            )
        time.sleep(min(0.2, patience.heartbeat / 4))
