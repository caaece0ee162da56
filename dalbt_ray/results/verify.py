"""Is every file of a results folder what it was when it was written? What is not goes to quarantine/ and is redone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dalbt_ray.errors import InputError
from dalbt_ray.results import trial_errors as failures
from dalbt_ray.results.bundle import FOLDER as SNAPSHOT
from dalbt_ray.results.bundle import read_snapshot
from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.published import (
    MANIFESTS,
    committed_ids,
    manifest_file,
    read_manifest,
    read_table,
    table_file,
)
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage import journal
from dalbt_ray.results.storage.folder import SWEEP, check_folder
from dalbt_ray.results.storage.protocol import Storage, open_storage
from dalbt_ray.results.storage.sealed import DamagedError, unseal

QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Finding:
    """One file that is not as it should be.

    Attributes:
        file: its name below the results folder.
        problem: what is wrong with it.
        trial_id: the trial that is run again because of it; empty if none is.
    """

    file: str
    problem: str
    trial_id: str = ""


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found.

    Attributes:
        trials: finished trials that were read and hashed.
        rounds: committed rounds of unfinished trials that were read and hashed.
        damaged: the files that were not as they should be; empty if all were.
        quarantine: folder that the damaged files were moved to; empty if none was.
    """

    trials: int
    rounds: int
    damaged: tuple[Finding, ...]
    quarantine: str

    @property
    def redo(self) -> set[str]:
        """Ids of the trials that will be run again, wholly or from their first damaged round."""
        return {finding.trial_id for finding in self.damaged if finding.trial_id}

    def __str__(self) -> str:
        checked = f"{self.trials} finished trials and {self.rounds} rounds of unfinished ones were re-hashed"
        if not self.damaged:
            return f"{checked}: every file is what was written"
        lines = [f"  {finding.file} {finding.problem}" for finding in self.damaged]
        lines.append(
            f"moved to {self.quarantine}; the sweep's own command runs {len(self.redo)} trials again"
        )
        return "\n".join([f"{checked}: {len(self.damaged)} files are damaged", *lines])


def verify(root: str | Path) -> VerifyReport:
    """Re-hash every file of a results folder and move what is damaged to `quarantine/`, so that it is redone.

    A damaged table takes its manifest and its sister tables along. A sweep may be running meanwhile.

    Raises:
        InputError: not a results folder.
    """
    storage = open_storage(root)
    entries = storage.entries("")
    if SWEEP not in entries and f"{MANIFESTS}/" not in entries:
        raise InputError("results", storage.location, f"is not a results folder: it has no {SWEEP}")
    check_folder(storage)
    # Tables are listed before journals, and journals before manifests: that is the order in which a trial that is being
    # published passes through them, so none can look like an orphan.
    present: dict[Table, list[str]] = {table: storage.entries(table) for table in TABLES}
    running = set(journal.unfinished(storage))
    ids = sorted(committed_ids(storage))
    findings = [finding for trial_id in ids for finding in _check_trial(storage, trial_id)]
    rounds = 0
    for trial_id in sorted(running.difference(ids)):
        records, refused = journal.read_rounds(storage, trial_id)
        rounds += len(records)
        findings += [Finding(name, problem, trial_id) for name, problem in refused]
    findings += _strangers(storage, present, known=running.union(ids))
    findings += _check_single_files(storage)
    return VerifyReport(len(ids), rounds, tuple(findings), _quarantine(storage, findings))


def _check_trial(storage: Storage, trial_id: str) -> Iterator[Finding]:
    """Problems of a published trial."""
    try:
        manifest = read_manifest(storage, trial_id)
    except (DamagedError, OSError) as error:
        yield Finding(manifest_file(trial_id), _words(error), trial_id)
        return
    for table in TABLES:
        name = table_file(table, trial_id)
        try:
            found = read_table(storage, manifest, table)
        except (DamagedError, OSError) as error:
            yield Finding(name, _words(error), trial_id)
            continue
        if set(found["trial_id"].to_pylist()) - {trial_id}:
            yield Finding(name, "has rows of another trial", trial_id)
        keys = [key for key in ("round", "rank") if key in found.column_names]
        if found.group_by(keys).aggregate([]).num_rows != found.num_rows:
            yield Finding(name, f"has two rows of the same {' and '.join(keys)}", trial_id)


def _strangers(storage: Storage, present: dict[Table, list[str]], known: set[str]) -> Iterator[Finding]:
    """Files that break anyone who reads a whole table folder, and tables whose trial was never published."""
    for table in TABLES:
        for name in present[table]:
            stem = name.removesuffix(".parquet")
            if not name.endswith(".parquet") or not is_trial_id(stem):
                yield Finding(f"{table}/{name}", "does not belong into a table folder")
            elif stem not in known:
                yield Finding(f"{table}/{name}", "belongs to no published trial", stem)
    for folder in (MANIFESTS, failures.FOLDER):
        for name in storage.entries(folder):
            if not name.endswith(".json") or not is_trial_id(name.removesuffix(".json")):
                yield Finding(f"{folder}/{name}", "does not belong here")


def _check_single_files(storage: Storage) -> Iterator[Finding]:
    """Problems of `sweep.json`, of the snapshot and of the failures."""
    kinds = {SWEEP: "results"}
    kinds |= {f"{failures.FOLDER}/{name}": "error" for name in storage.entries(failures.FOLDER)}
    for name, kind in kinds.items():
        try:
            unseal(kind, storage.read(name))
        except FileNotFoundError:
            continue
        except (DamagedError, OSError) as error:
            yield Finding(name, _words(error))
    try:
        read_snapshot(storage)
    except DamagedError as error:
        yield Finding(f"{SNAPSHOT}/", str(error))


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error)


def _quarantine(storage: Storage, findings: list[Finding]) -> str:
    """Move the files of `findings` away; the folder they are in now, or nothing."""
    if not findings:
        return ""
    place = f"{QUARANTINE}/{len(storage.entries(QUARANTINE)) + 1:04d}"
    published = {
        finding.trial_id
        for finding in findings
        if finding.trial_id and not finding.file.startswith(journal.FOLDER)
    }
    names = []
    for trial_id in sorted(published):
        # The manifest first: from then on the trial counts as not done, whatever happens to the rest of this.
        names += [manifest_file(trial_id), *(table_file(table, trial_id) for table in TABLES)]
    names += [finding.file for finding in findings if finding.file not in names]
    for name in names:
        folder, _, base = name.rstrip("/").rpartition("/")
        if {base, f"{base}/"} & set(storage.entries(folder)):
            storage.move(name.rstrip("/"), f"{place}/{name.rstrip('/')}")
    if published and f"{SNAPSHOT}/" in storage.entries(""):
        storage.delete_folder(SNAPSHOT)  # it holds what was just taken away
    return f"{storage.location}/{place}"
