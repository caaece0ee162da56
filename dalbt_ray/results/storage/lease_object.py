"""The lease in an object store: one small object, made by a conditional put and rewritten as a heartbeat."""

import os
import socket
import threading
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from dalbt_ray.results.storage.lease import Lease, Patience
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal, unseal

CARD = "lease.json"


class ObjectClaim:
    """A claim by `lease.json`, whose `beat` counts the heartbeats of its owner.

    A takeover is a delete and a create, so two waiting drivers may both succeed for a moment; the first finds another's
    token at its next heartbeat and stops.
    """

    def __init__(self, storage: Storage, patience: Patience, lease: Lease) -> None:
        self._storage, self._patience, self._lease = storage, patience, lease
        self._token = uuid4().hex
        self._since = datetime.now(UTC).isoformat(timespec="seconds")
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="results-lease", daemon=True)
        self._seen: tuple[object, float] = (None, time.monotonic())

    def attempt(self) -> bool:
        """See `Claim`."""
        if not self._storage.create(CARD, self._card(0)):
            signs = self.signs()
            if signs != self._seen[0]:
                self._seen = (signs, time.monotonic())
            expired = time.monotonic() - self._seen[1] > self._patience.expiry
            if not expired and not _died_here(self._read()):
                return False
            self._storage.delete(CARD)
            if not self._storage.create(CARD, self._card(0)):
                return False
        self._heart.start()
        return True

    def signs(self) -> object:
        """See `Claim`."""
        card = self._read()
        return card.get("token"), card.get("beat")

    def owner(self) -> str:
        """See `Claim`."""
        card = self._read()
        if not card:
            return "one that is just starting or leaving"
        return f"host {card['host']}, pid {card['pid']}, since {card['since_utc']}"

    def release(self) -> None:
        """See `Claim`."""
        self._stop.set()
        self._heart.join()
        if self._read().get("token") == self._token:
            self._storage.delete(CARD)

    def _beat(self) -> None:
        beat, last = 0, time.monotonic()
        while not self._stop.wait(self._patience.heartbeat):
            beat += 1
            try:
                if self._read().get("token") != self._token:
                    return self._lease.lose()
                self._storage.write(CARD, self._card(beat))
                last = time.monotonic()
            except OSError:
                # A store that does not answer for a moment is no loss, unless others must have given us up by now.
                if time.monotonic() - last > self._patience.expiry:
                    return self._lease.lose()
        return None

    def _read(self) -> dict[str, Any]:
        try:
            return unseal("lease", self._storage.read(CARD))
        except (FileNotFoundError, DamagedError, NewerFormatError):
            return {}

    def _card(self, beat: int) -> bytes:
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "since_utc": self._since}
        return seal("lease", {**owner, "token": self._token, "beat": beat})


def _died_here(card: dict[str, Any]) -> bool:
    """Whether the owner ran on this host and is gone."""
    if card.get("host") != socket.gethostname():
        return False
    try:
        os.kill(card["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
