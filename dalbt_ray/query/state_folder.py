"""The state of a pool: what was embedded, asked and answered. Beside the pool, in JSON and Parquet, never a pickle.

    query.json           the pool, its classes
    features/KEY/*       blocks of features, see `image_blocks`
    copies/KEY.parquet   pairs of an image and a near copy made of it, see `near_copies`
    answers.parquet      one row an image that was answered
    batches/0001.json    what was asked, in which order and why; its appearance is the purchase

Files are staged, fsynced and renamed (`results.storage`), one command at a time writes (a lease), and every step may be
the last one before a crash.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dalbt_ray.errors import InputError
from dalbt_ray.query.replies import Reply
from dalbt_ray.results.parquet_bounds import open_parquet
from dalbt_ray.results.storage.lease import Lease, Patience, Words, hold
from dalbt_ray.results.storage.local_disk import LocalStorage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal, unseal

HEAD = "query.json"
ANSWERS = "answers.parquet"
_OURS = {"features/", "copies/", "batches/", "staging/", "lease/", ANSWERS}

Json = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A state folder.

    Attributes:
        storage: where it lies.
        pool: the location of its pool; `query.json` has it from the next command on that writes.
    """

    storage: LocalStorage
    pool: str

    @classmethod
    def at(cls, folder: Path, pool: str) -> "State":
        """The state folder of `pool` at `folder`, which need not exist yet; `Session.of` asks whether it is another's.

        Raises:
            InputError: a folder of something else.
        """
        state = cls(LocalStorage(folder.expanduser().absolute()), pool)
        entries = state.storage.entries("")
        foreign = [name for name in entries if name not in _OURS and not name.startswith(".")]
        if HEAD not in entries and foreign:
            problem = f"is not a state folder: it has {foreign[0]!r} and no {HEAD}"
            raise InputError("state", state.storage.location, problem, remedy="name a new or an empty folder")
        return state

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Be the only writer for a `with` block, and remove what crashed ones left.

        Raises:
            InputError: another command is at work here, or the folder cannot be written.
        """
        self.storage.prepare()
        with hold(self.storage, Patience(), Words(folder="state", owner="command")) as lease:
            self.storage.sweep()
            if HEAD not in self.storage.entries(""):
                created = datetime.now(UTC).isoformat(timespec="seconds")
                self._write_head({"pool": self.pool, "created_utc": created, "classes": []})
            elif self.recorded_pool != self.pool:
                self._write_head(self._head() | {"pool": self.pool})
            yield lease

    @property
    def exists(self) -> bool:
        """Whether a query was ever made here."""
        return HEAD in self.storage.entries("")

    @property
    def recorded_pool(self) -> str | None:
        """The location that the pool had when a command last wrote here; None if none did."""
        return str(self._head()["pool"]) if self.exists else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The pool's classes, in the order of their keys on the contact sheet."""
        return tuple(self._head()["classes"]) if self.exists else ()

    def set_classes(self, classes: Sequence[str]) -> None:
        """Replace the list of classes."""
        self._write_head(self._head() | {"classes": list(classes)})

    def replies(self) -> list[Reply]:
        """Every answer so far."""
        try:
            data = self.storage.read(ANSWERS)
            file = open_parquet(data, page_checksum_verification=True)
            rows = file.read(use_threads=False).to_pylist()
            return [Reply(row["id"], row["label"], row["source"]) for row in rows]
        except FileNotFoundError:
            return []
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise self._refusal(ANSWERS, error) from error

    def write_replies(self, replies: Sequence[Reply]) -> None:
        """Replace the table of answers, whole or not at all."""
        table = pa.table(
            {
                name: pa.array([getattr(reply, name) for reply in replies], pa.string())
                for name in ("id", "label", "source")
            }
        )
        sink = BytesIO()
        pq.write_table(table, sink, write_page_checksum=True)
        self.storage.write(ANSWERS, sink.getvalue())

    def batches(self) -> list[Json]:
        """What was asked, in order."""
        return [
            self._unsealed("batch", f"batches/{name}")
            for name in self.storage.entries("batches")
            if name.endswith(".json")
        ]

    def commit_batch(self, number: int, content: Json) -> None:
        """Record a batch as asked.

        Raises:
            InputError: another command recorded one of this number meanwhile.
        """
        if not self.storage.create(
            f"batches/{number:04d}.json", seal("batch", {"number": number, **content})
        ):
            remedy = "run the same command again"
            raise InputError("state", self.storage.location, f"has a batch {number} already", remedy=remedy)

    def _head(self) -> Json:
        return self._unsealed("query", HEAD)

    def _write_head(self, content: Json) -> None:
        self.storage.write(HEAD, seal("query", content))

    def _unsealed(self, kind: str, name: str) -> Json:
        try:
            return unseal(kind, self.storage.read(name))
        except (DamagedError, NewerFormatError) as error:
            raise self._refusal(name, error) from error

    def _refusal(self, name: str, error: Exception) -> InputError:
        remedy = "restore the file, or move it away: answers come back with `dalbt ingest` of the files they came in"
        return InputError("state", f"{self.storage.location}/{name}", str(error), remedy=remedy)
