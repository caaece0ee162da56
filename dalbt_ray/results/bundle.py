"""Many finished trials in a few files: `bundle/` of a results folder. `results/compaction.py` writes it.

    bundle/index.json           sealed: the trials, the SHA-256 of the other files, the size of the manifests unpacked
    bundle/trials.jsonl.zst     the manifests, one a line, sorted by trial id; plain `trials.jsonl` in earlier bundles
    bundle/rounds.parquet       and selections.parquet, timings.parquet: the tables, sorted by trial, round and rank

A bundle is never changed, only replaced as a whole: by a complete one in `bundle.new/`, which counts from the moment it
has its index. A trial of the bundle that is continued (`results/reopen.py`) leaves an empty file
`bundle/continued/<bundle>/<trial_id>`, and from then on its single files count.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa

from dalbt_ray.results.manifest_lines import PACKED, PLAIN, parse, unpack
from dalbt_ray.results.parquet_form import decode
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, unseal

FOLDER, STAGED = "bundle", "bundle.new"
INDEX = "index.json"
CONTINUED = f"{FOLDER}/continued"
KIND = "bundle"

FILE_BYTES = 256 * 2**20
"""The most that is read of one file of a bundle, or unpacked of its manifests; `compact` writes no more."""


@dataclass(frozen=True)
class Bundle:
    """The index of a bundle; the other files are read, and compared with it, on demand.

    Attributes:
        storage: where it is.
        folder: `bundle`, or `bundle.new` while the one replaces the other.
        name: 16 hex digits of the index's SHA-256.
        files: SHA-256 by file name.
        unpacked: bytes of the manifests before they were packed; None in a bundle that has them plain.
        trial_ids: the trials that it holds.
        continued: those that were continued since, which it no longer speaks for.
    """

    storage: Storage
    folder: str
    name: str
    files: dict[str, str]
    unpacked: int | None
    trial_ids: frozenset[str]
    continued: frozenset[str]

    @property
    def current(self) -> frozenset[str]:
        """The trials that it speaks for."""
        return self.trial_ids - self.continued

    def read(self, file: str) -> bytes:
        """A file's bytes.

        Raises:
            DamagedError: missing, or not what was written.
        """
        try:
            data = self.storage.read(f"{self.folder}/{file}", FILE_BYTES)
        except FileNotFoundError as error:
            raise DamagedError(f"has no {file}") from error
        if sha256(data).hexdigest() != self.files[file]:
            raise DamagedError(f"has an altered {file}: its SHA-256 differs from the index's")
        return data

    def manifests(self, trial_id: str = "") -> dict[str, dict[str, Any]]:
        """The manifests by trial id; with `trial_id`, that one alone.

        Raises:
            DamagedError: see `read`.
            NewerFormatError: not what this version knows.
        """
        name = PLAIN if self.unpacked is None else PACKED
        data = self.read(name)
        try:
            return parse(data if self.unpacked is None else unpack(data, self.unpacked), trial_id)
        except NewerFormatError as error:
            raise NewerFormatError(f"has a {name} that {error}") from error

    def table(self, table: Table, trial_id: str = "") -> pa.Table:
        """A table of all trials; with `trial_id`, of that one alone.

        Raises:
            DamagedError: see `read`.
            NewerFormatError: not what this version knows.
        """
        data = self.read(table_name(table))
        try:
            return decode(table, data, trial_id=trial_id)
        except (DamagedError, NewerFormatError) as error:
            raise NewerFormatError(f"has a {table_name(table)} that {error}") from error

    def continued_file(self, trial_id: str) -> str:
        """The file whose existence says that a trial was continued."""
        return f"{CONTINUED}/{self.name}/{trial_id}"


def table_name(table: Table) -> str:
    """A table's file in the bundle."""
    return f"{table}.parquet"


def open_bundle(storage: Storage) -> Bundle | None:
    """The bundle that counts; None if there is none.

    Raises:
        DamagedError: its index is not what was written.
        NewerFormatError: it is of a newer format.
    """
    for folder in (STAGED, FOLDER):
        try:
            data = storage.read(f"{folder}/{INDEX}")
        except FileNotFoundError:
            continue
        try:
            index = unseal(KIND, data)
        except (DamagedError, NewerFormatError) as error:
            raise type(error)(f"has an {INDEX} that {error}") from error
        files, trial_ids, unpacked = index.get("files"), index.get("trial_ids"), index.get("unpacked_bytes")
        if unpacked is not None and (type(unpacked) is not int or not 0 <= unpacked <= FILE_BYTES):
            raise NewerFormatError(f"has an {INDEX} whose manifests unpack to {unpacked!r} bytes")
        manifests = PLAIN if unpacked is None else PACKED
        if not isinstance(files, dict) or not {manifests, *map(table_name, TABLES)} <= files.keys():
            raise NewerFormatError(f"has an {INDEX} that does not list its files")
        if not isinstance(trial_ids, list) or not all(isinstance(each, str) for each in trial_ids):
            raise NewerFormatError(f"has an {INDEX} that does not list its trials")
        name = sha256(data).hexdigest()[:16]
        continued = storage.entries(f"{CONTINUED}/{name}")
        held = frozenset(trial_ids)
        return Bundle(storage, folder, name, dict(files), unpacked, held, frozenset(continued))
    return None
