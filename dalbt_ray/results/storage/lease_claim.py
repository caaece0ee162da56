"""The files of the lease: who is there, and the attempt to be the next one."""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from dalbt_ray.results.storage.process_identity import ProcessIdentity, this_process
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal, unseal

FOLDER = "lease"
KIND = "lease"
BEFORE = ("lease.lock", "lease.json")
"""The lease of earlier versions. A driver of such a version finds its own gone and stops."""

_CARD = re.compile(r"\d{8,}\.json")


@dataclass(frozen=True)
class Holder:
    """What the newest lease says at one moment. Two looks are equal if there was no sign of life between them.

    Attributes:
        generation: its number; 0 if there is none.
        data: the file, byte for byte: it changes with every sign of life.
    """

    generation: int = 0
    data: bytes = b""

    @property
    def card(self) -> dict[str, Any]:
        """Its content; empty where it cannot be read, as after a power cut on a disk that ignores fsync."""
        try:
            return unseal(KIND, self.data)
        except (DamagedError, NewerFormatError):
            return {}

    @property
    def process(self) -> ProcessIdentity | None:
        """Who holds it; None where that cannot be read."""
        return ProcessIdentity.from_json(self.card)

    def __str__(self) -> str:
        return (
            "one that cannot be told"
            if self.process is None
            else f"{self.process}, since {self.card['since_utc']}"
        )


class Claim:
    """One driver's way to the lease of a results folder.

    Attributes:
        generation: of the lease that is held; 0 before.
    """

    def __init__(self, storage: Storage) -> None:
        self.generation = 0
        self._storage = storage
        self._token = uuid4().hex
        self._since = datetime.now(UTC).isoformat(timespec="seconds")
        self._beats = 0

    def look(self) -> Holder:
        """The newest lease."""
        generation = max(self._generations(), default=0)
        if not generation:
            return Holder()
        try:
            return Holder(generation, self._storage.read(_file(generation)))
        except (FileNotFoundError, DamagedError):
            return Holder(generation)  # replaced just now, or no file at all: the next look tells

    def is_free(self, holder: Holder) -> bool:
        """Whether nobody holds it any more, for certain."""
        if not holder.generation or holder.card.get("released") is True:
            return True
        return holder.process is not None and holder.process.ended

    def attempt(self, holder: Holder, *, expired: bool = False) -> bool:
        """Try to be the next one after `holder`, if it is free or `expired`; whether this process has the lease now."""
        if not (expired or self.is_free(holder)):
            return False
        generation = holder.generation + 1
        created = self._storage.create(_file(generation), self._card())
        # A store may carry out a put twice: the second finds the first, which is ours.
        if not created and Holder(generation, self._read(generation)).card.get("token") != self._token:
            return False
        if max(self._generations(), default=0) > generation:
            self._storage.delete(_file(generation))  # others came and went since `holder` was looked at
            return False
        self.generation = generation
        for lower in self._generations():
            if lower < generation:
                self._storage.delete(_file(lower))
        for name in BEFORE:
            self._storage.delete(name)
        return True

    def holds(self) -> bool:
        """Whether the lease is still this driver's: its file is there, and no higher generation."""
        return max(self._generations(), default=0) == self.generation

    def beat(self) -> None:
        """Give a sign of life."""
        self._beats += 1
        self._storage.write(_file(self.generation), self._card())

    def release(self) -> None:
        """Give the lease back, unless it is another's by now."""
        if self.holds():
            self._storage.write(_file(self.generation), self._card(released=True))

    def _generations(self) -> list[int]:
        return [int(name.split(".")[0]) for name in self._storage.entries(FOLDER) if _CARD.fullmatch(name)]

    def _read(self, generation: int) -> bytes:
        try:
            return self._storage.read(_file(generation))
        except (FileNotFoundError, DamagedError):
            return b""

    def _card(self, *, released: bool = False) -> bytes:
        owner = asdict(this_process()) | {"token": self._token, "since_utc": self._since}
        return seal(KIND, owner | {"beat": self._beats, "released": released})


def _file(generation: int) -> str:
    return f"{FOLDER}/{generation:08d}.json"
