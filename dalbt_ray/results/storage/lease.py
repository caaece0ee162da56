"""One driver at a time in a results folder, on a disk and in an object store alike.

    lease/00000007.json         sealed: who holds the lease; rewritten with every sign of life

The number is the *generation*. A name that is free can be created once, so whoever creates the next generation has the
lease, and only one can; an owner that only slept finds a higher number and stops. A lease that was given back says so,
and its file stays: generations never start again.

The lease saves work, it does not protect the files: the commit protocol does that, anyone who writes. So a lease may be
taken over from an owner that gives no sign of life.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dalbt_ray.errors import InputError
from dalbt_ray.results.storage.lease_claim import Claim
from dalbt_ray.results.storage.protocol import Storage

_log = logging.getLogger(__name__)

RELEASE_WAIT_S = 5.0
"""Seconds that the end of a sweep waits for a sign of life that is on its way to a store that does not answer."""


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


@dataclass(frozen=True, kw_only=True)
class Words:
    """What messages call the folder and its owner.

    Attributes:
        folder: the option that names the folder.
        owner: what works in it.
    """

    folder: str = "results"
    owner: str = "driver"


class Lease:
    """A lease that is held. Poll `lost`; when it is true, schedule nothing more."""

    def __init__(self, claim: Claim, location: str, words: Words) -> None:
        self._claim, self._location, self._words = claim, location, words
        self._lost, self._over = threading.Event(), threading.Event()

    @property
    def generation(self) -> int:
        """Number of this lease; each later one has a higher number."""
        return self._claim.generation

    @property
    def lost(self) -> bool:
        """Whether another driver took over, or the folder went away."""
        return self._lost.is_set()

    def wait_lost(self, timeout: float) -> bool:
        """Wait until the lease is lost, at most `timeout` seconds; whether it is."""
        return self._lost.wait(timeout)

    def confirm(self) -> None:
        """Look again, just before a step that a second driver must not take too.

        Raises:
            InputError: the lease is lost.
        """
        if not self._claim.holds():
            self._lost.set()
            problem = f"was taken over by another {self._words.owner}"
            raise InputError(self._words.folder, self._location, problem, remedy="nothing was changed since")

    def beat(self, every: float) -> None:
        """Give signs of life until the lease is over or lost. No outage ends this: the owner lives."""
        told = False
        while not self._over.wait(every):
            try:
                if not self._claim.holds():
                    self._lost.set()
                    return
                self._claim.beat()
                told = False
            # A store's own library raises what it likes, and whatever it is: the next beat may get through.
            except Exception as error:
                if not told:
                    _log.warning("%s: no sign of life could be given: %s", self._location, error)
                told = True

    def end(self) -> None:
        """Give no more signs of life."""
        self._over.set()


@contextmanager
def hold(storage: Storage, patience: Patience, words: Words = Words()) -> Iterator[Lease]:
    """Own the lease of a folder for a `with` block.

    Raises:
        InputError: another driver is alive; names its host, pid, and since when.
    """
    claim = Claim(storage)
    _acquire(claim, storage.location, patience, words)
    lease = Lease(claim, storage.location, words)
    heart = threading.Thread(target=lease.beat, args=(patience.heartbeat,), name="results-lease", daemon=True)
    heart.start()
    try:
        yield lease
    finally:
        lease.end()
        heart.join(RELEASE_WAIT_S)
        if not lease.lost and not heart.is_alive():
            # What is on the disk is whole even if this fails; the next driver sees that this one is gone.
            try:
                claim.release()
            except OSError as error:
                _log.warning("%s: the lease could not be given back: %s", storage.location, error)


def _acquire(claim: Claim, location: str, patience: Patience, words: Words) -> None:
    """Wait while nothing tells whether the owner lives; a sign of life, and it is refused.

    Silence is counted poll by poll: a machine that slept, or a store that did not answer, hides signs of life.
    """
    first = claim.look()
    if claim.attempt(first):
        return
    silence, asked, announced = 0.0, time.monotonic(), False
    while True:
        time.sleep(min(0.2, patience.heartbeat / 4))
        found, now = claim.look(), time.monotonic()
        silence, asked = silence + min(now - asked, patience.watch), now
        if found != first and not claim.is_free(found):
            raise InputError(
                words.folder,
                location,
                f"is in use by another {words.owner}: {found}",
                remedy="wait until it has finished, stop it, or name another folder",
            )
        if claim.attempt(found, expired=silence > patience.expiry):
            return
        if silence > patience.watch and not announced:
            announced = True
            _log.warning(
                "%s belongs to a %s that gives no sign of life (%s); taking over within %.0f s",
                location,
                words.owner,
                found,
                patience.expiry - silence,
            )
