"""The published trials of a results folder: single files and bundle, and how they are compared with their hashes."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa

from dalbt_ray.results.bundle import FOLDER as BUNDLE
from dalbt_ray.results.bundle import Bundle, open_bundle
from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.manifest_form import known_manifest
from dalbt_ray.results.parallel import each
from dalbt_ray.results.parquet_form import decode
from dalbt_ray.results.refusal import refusal
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, unseal

MANIFESTS = "trials"

TABLE_BYTES = 256 * 2**20
"""The most that is read of one trial's table."""


@dataclass(frozen=True)
class PublishedTrial:
    """How far a published trial is.

    Attributes:
        rounds: rounds that were trained, round 0 included.
        status: `ok`; or why the trial ended for good: `stalled`, `pool_exhausted`, `diverged`.
    """

    rounds: int
    status: str

    @property
    def ended(self) -> bool:
        """Whether no further round is possible, however many are asked for."""
        return self.status != "ok"


@dataclass(frozen=True)
class Published:
    """Which trials are published, and where each of them lies, at one moment.

    Attributes:
        storage: the folder.
        single: trials whose single files count.
        bundle: counts for its `current` trials.
    """

    storage: Storage
    single: frozenset[str]
    bundle: Bundle | None

    @property
    def bundled(self) -> frozenset[str]:
        """Trials that the bundle counts for."""
        return frozenset() if self.bundle is None else self.bundle.current

    @property
    def ids(self) -> set[str]:
        """All published trials."""
        return set(self.single | self.bundled)

    def manifest(self, trial_id: str) -> dict[str, Any]:
        """One trial's manifest.

        Raises:
            FileNotFoundError: the trial is not published.
            InputError: its manifest is damaged or of a newer format; names the file and the remedy.
        """
        name = manifest_file(trial_id)
        try:
            if self.bundle is not None and trial_id in self.bundled:
                name = BUNDLE
                return self.bundle.manifests(trial_id)[trial_id]
            return read_manifest(self.storage, trial_id)
        except (DamagedError, NewerFormatError) as error:
            raise refusal(self.storage.location, name, error) from error

    def manifests(self) -> dict[str, dict[str, Any]]:
        """All manifests by trial id, sorted.

        Raises:
            InputError, FileNotFoundError: see `manifest`.
        """
        found: dict[str, dict[str, Any]] = {}
        if self.bundle is not None:
            try:
                found = {key: value for key, value in self.bundle.manifests().items() if key in self.bundled}
            except (DamagedError, NewerFormatError) as error:
                raise refusal(self.storage.location, BUNDLE, error) from error
        single = sorted(self.single)
        found |= zip(single, each(self.manifest, single), strict=True)
        return dict(sorted(found.items()))

    def tables(self, manifest: Mapping[str, Any]) -> dict[Table, pa.Table]:
        """One trial's part of each table.

        Raises:
            InputError: a file is damaged or of a newer format; names it and the remedy.
        """
        trial_id, found = manifest["trial_id"], {}
        for table in TABLES:
            name = table_file(table, trial_id)
            try:
                if self.bundle is not None and trial_id in self.bundled:
                    name = BUNDLE
                    found[table] = self.bundle.table(table, trial_id)
                else:
                    found[table] = read_table(self.storage, manifest, table)
            except (DamagedError, NewerFormatError) as error:
                raise refusal(self.storage.location, name, error) from error
        return found


def find_published(storage: Storage) -> Published:
    """The published trials, from names and the bundle's index alone: fast for any number of them.

    Raises:
        InputError: the bundle's index is damaged or of a newer format.
    """
    single = single_ids(storage)
    try:
        bundle = open_bundle(storage)
    except (DamagedError, NewerFormatError) as error:
        raise refusal(storage.location, BUNDLE, error) from error
    return Published(storage, frozenset(single - (bundle.current if bundle else frozenset())), bundle)


def published_trial(manifest: Mapping[str, Any]) -> PublishedTrial:
    """What a manifest says of how far its trial is."""
    return PublishedTrial(rounds=manifest["files"]["rounds"]["rows"], status=manifest.get("status", "ok"))


def table_file(table: Table, trial_id: str) -> str:
    """Where a trial's part of a table lies."""
    return f"{table}/{trial_id}.parquet"


def manifest_file(trial_id: str) -> str:
    """Where a trial's manifest lies."""
    return f"{MANIFESTS}/{trial_id}.json"


def single_ids(storage: Storage) -> set[str]:
    """Ids of the trials that have a manifest of their own."""
    stems = (name.removesuffix(".json") for name in storage.entries(MANIFESTS) if name.endswith(".json"))
    return {stem for stem in stems if is_trial_id(stem)}


def read_manifest(storage: Storage, trial_id: str) -> dict[str, Any]:
    """A trial's manifest of its own.

    Raises:
        FileNotFoundError: it has none.
        DamagedError: it is torn, altered, or another trial's.
        NewerFormatError: it is whole and not what this version knows.
    """
    manifest = unseal("trial", storage.read(manifest_file(trial_id)))
    if manifest.get("trial_id") != trial_id:
        raise DamagedError("is the manifest of another trial")
    return known_manifest(manifest)


def read_table(storage: Storage, manifest: Mapping[str, Any], table: Table) -> pa.Table:
    """A trial's single file of a table, compared with the manifest.

    The place follows from the trial's id; a path that the manifest may name is never followed.

    Raises:
        DamagedError: missing or altered; the message does not name the file.
        NewerFormatError: what was written, but not what this version knows.
    """
    listed = manifest["files"][table]
    try:
        # Manifests have told the size from the first version on; the limit is for those that somebody else made.
        at_most = min(listed.get("bytes", TABLE_BYTES), TABLE_BYTES)
        data = storage.read(table_file(table, manifest["trial_id"]), at_most)
    except FileNotFoundError as error:
        raise DamagedError("is missing") from error
    if sha256(data).hexdigest() != listed["sha256"]:
        raise DamagedError("was altered: its SHA-256 differs from the manifest's")
    try:
        return decode(table, data)
    except DamagedError as error:
        raise NewerFormatError(str(error)) from error
