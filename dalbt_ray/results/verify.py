"""Is every file of a results folder what it was when it was written? What is not goes to quarantine/ and is redone.

A file is moved for one reason only: its bytes are not those that were written, or it lies where no such file belongs.
What is whole and cannot be used, by a newer format or because it contradicts itself, is reported and stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dalbt_ray.errors import InputError
from dalbt_ray.results import trial_errors as failures
from dalbt_ray.results.bundle import FOLDER as BUNDLE
from dalbt_ray.results.bundle import STAGED, Bundle, open_bundle
from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.published import (
    MANIFESTS,
    find_published,
    manifest_file,
    read_manifest,
    read_table,
    single_ids,
    table_file,
)
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage import journal
from dalbt_ray.results.storage.folder import SWEEP, check_folder
from dalbt_ray.results.storage.protocol import Storage, open_storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, unseal

QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Finding:
    """One file that is not as it should be.

    Attributes:
        file: its name below the results folder.
        problem: what is wrong with it.
        trial_id: the trial that it belongs to; empty if it belongs to none.
        whole: its bytes are those that were written, so it stays where it is.
    """

    file: str
    problem: str
    trial_id: str = ""
    whole: bool = False


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found.

    Attributes:
        trials: finished trials that were read and hashed.
        rounds: committed rounds of unfinished trials that were read and hashed.
        damaged: the files that were not as they should be, and were moved; empty if all were.
        refused: the files that are what was written, but that this version cannot use; they stay.
        redo: ids of the trials that will be run again, wholly or from their first damaged round.
        quarantine: folder that the damaged files were moved to; empty if none was.
    """

    trials: int
    rounds: int
    damaged: tuple[Finding, ...]
    refused: tuple[Finding, ...]
    redo: frozenset[str]
    quarantine: str

    def __str__(self) -> str:
        checked = f"{self.trials} finished trials and {self.rounds} rounds of unfinished ones were re-hashed"
        lines = [checked if self.damaged or self.refused else f"{checked}: every file is what was written"]
        if self.damaged:
            lines[0] += f": {len(self.damaged)} files are damaged"
            lines += [f"  {finding.file} {finding.problem}" for finding in self.damaged]
            lines.append(
                f"moved to {self.quarantine}; the sweep's own command runs {len(self.redo)} trials again"
            )
        if self.refused:
            lines += [f"  {finding.file} {finding.problem}" for finding in self.refused]
            lines.append(
                f"{len(self.refused)} files are what was written, but this version cannot use them; they were left "
                "where they are: install the dalbt-ray that wrote them, or a newer one"
            )
        return "\n".join(lines)


def verify(root: str | Path) -> VerifyReport:
    """Re-hash every file of a results folder and move what is damaged to `quarantine/`, so that it is redone.

    A damaged table takes its manifest and the other tables of its trial along, a damaged file of a bundle the bundle. A
    sweep may be running meanwhile.

    Raises:
        InputError: not a results folder.
    """
    storage = open_storage(root)
    entries = storage.entries("")
    if not {SWEEP, f"{MANIFESTS}/", f"{BUNDLE}/"} & set(entries):
        raise InputError("results", storage.location, f"is not a results folder: it has no {SWEEP}")
    check_folder(storage)
    # Tables are listed before journals, and journals before manifests: that is the order in which a trial that is being
    # published passes through them, so none can look like an orphan.
    present: dict[Table, list[str]] = {table: storage.entries(table) for table in TABLES}
    running = set(journal.unfinished(storage))
    single = single_ids(storage)
    bundled, findings = _check_bundle(storage)
    findings += [finding for trial_id in sorted(single) for finding in _check_trial(storage, trial_id)]
    rounds = 0
    for trial_id in sorted(running - single - bundled):
        checked, found = _check_journal(storage, trial_id)
        rounds += checked
        findings += found
    findings += _strangers(storage, present, known=running | single)
    findings += _check_single_files(storage)
    damaged = tuple(finding for finding in findings if not finding.whole)
    quarantine = _quarantine(storage, damaged)
    redo = {finding.trial_id for finding in damaged if finding.trial_id}
    if any(finding.file.split("/")[0] in (BUNDLE, STAGED) for finding in damaged):
        redo |= bundled
    if redo:
        redo -= find_published(storage).ids  # the bundle has a whole copy, or the single files are
    return VerifyReport(
        trials=len(single | bundled),
        rounds=rounds,
        damaged=damaged,
        refused=tuple(finding for finding in findings if finding.whole),
        redo=frozenset(redo),
        quarantine=quarantine,
    )


def _check_bundle(storage: Storage) -> tuple[set[str], list[Finding]]:
    """The trials that the bundle counts for, and its problems."""
    try:
        bundle = open_bundle(storage)
        return (set(), []) if bundle is None else (set(bundle.current), list(_bundle_problems(bundle)))
    except (DamagedError, NewerFormatError, OSError) as error:
        return set(), [_finding(f"{BUNDLE}/", error)]


def _bundle_problems(bundle: Bundle) -> Iterator[Finding]:
    name = f"{bundle.folder}/"
    try:
        manifests = bundle.manifests()
    except (DamagedError, NewerFormatError, OSError) as error:
        yield _finding(name, error)
        manifests = {}
    for table in TABLES:
        try:
            found = bundle.table(table)
        except (DamagedError, NewerFormatError, OSError) as error:
            yield _finding(name, error)
            continue
        counts = found.group_by("trial_id").aggregate([([], "count_all")]).to_pydict()
        rows = dict(zip(counts["trial_id"], counts["count_all"], strict=True))
        if manifests and any(
            rows.pop(key, 0) != one["files"][table]["rows"] for key, one in manifests.items()
        ):
            yield Finding(name, f"has other rows of {table!r} than its manifests say", whole=True)
        if rows and manifests:
            yield Finding(name, f"has rows of {table!r} of a trial without a manifest", whole=True)
        yield from _duplicates(name, "", found)


def _check_trial(storage: Storage, trial_id: str) -> Iterator[Finding]:
    """Problems of a published trial's single files."""
    try:
        manifest = read_manifest(storage, trial_id)
    except FileNotFoundError:
        return  # it was continued meanwhile
    except (DamagedError, NewerFormatError, OSError) as error:
        yield _finding(manifest_file(trial_id), error, trial_id)
        return
    for table in TABLES:
        yield from _check_table(storage, manifest, table)


def _check_table(storage: Storage, manifest: dict[str, Any], table: Table) -> Iterator[Finding]:
    trial_id = manifest["trial_id"]
    name = table_file(table, trial_id)
    try:
        found = read_table(storage, manifest, table)
    except (DamagedError, NewerFormatError, OSError) as error:
        yield _finding(name, error, trial_id)
        return
    if found.num_rows != manifest["files"][table]["rows"]:
        yield Finding(name, "has another number of rows than the manifest says", trial_id, whole=True)
    if set(found["trial_id"].to_pylist()) - {trial_id}:
        yield Finding(name, "has rows of another trial", trial_id, whole=True)
    yield from _duplicates(name, trial_id, found)


def _duplicates(name: str, trial_id: str, found: pa.Table) -> Iterator[Finding]:
    keys = [key for key in ("trial_id", "round", "rank") if key in found.column_names]
    if found.group_by(keys).aggregate([]).num_rows != found.num_rows:
        yield Finding(name, f"has two rows of the same {' and '.join(keys)}", trial_id, whole=True)


def _check_journal(storage: Storage, trial_id: str) -> tuple[int, list[Finding]]:
    """How many rounds of an unfinished trial are whole, and the problems of its journal."""
    findings = []
    name = journal.trial_file(trial_id)
    try:
        unseal(journal.RUNNING, storage.read(name))
    except FileNotFoundError:
        pass  # a journal that was begun before there were such files
    except (DamagedError, NewerFormatError, OSError) as error:
        findings.append(_finding(name, error))
    try:
        records, refused = journal.read_rounds(storage, trial_id)
    except NewerFormatError as error:
        return 0, [*findings, _finding(f"{journal.FOLDER}/{trial_id}/", error, trial_id)]
    return len(records), findings + [Finding(name, problem, trial_id) for name, problem in refused]


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
    """Problems of `sweep.json` and of the failures."""
    kinds = {SWEEP: "results"}
    kinds |= {f"{failures.FOLDER}/{name}": "error" for name in storage.entries(failures.FOLDER)}
    for name, kind in kinds.items():
        try:
            unseal(kind, storage.read(name))
        except FileNotFoundError:
            continue
        except (DamagedError, NewerFormatError, OSError) as error:
            yield _finding(name, error)


def _finding(name: str, error: Exception, trial_id: str = "") -> Finding:
    text = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
    return Finding(name, text, trial_id, whole=isinstance(error, NewerFormatError))


def _quarantine(storage: Storage, damaged: tuple[Finding, ...]) -> str:
    """Move the files of `damaged` away; the folder they are in now, or nothing."""
    if not damaged:
        return ""
    place = f"{QUARANTINE}/{len(storage.entries(QUARANTINE)) + 1:04d}"
    published = {
        finding.trial_id
        for finding in damaged
        if finding.trial_id and not finding.file.startswith(journal.FOLDER)
    }
    names = []
    for trial_id in sorted(published):
        # The manifest first: from then on the trial counts as not done, whatever happens to the rest of this.
        names += [manifest_file(trial_id), *(table_file(table, trial_id) for table in TABLES)]
    names += [finding.file for finding in damaged if finding.file not in names]
    for name in dict.fromkeys(names):
        folder, _, base = name.rstrip("/").rpartition("/")
        if {base, f"{base}/"} & set(storage.entries(folder)):
            storage.move(name.rstrip("/"), f"{place}/{name.rstrip('/')}")
    return f"{storage.location}/{place}"
