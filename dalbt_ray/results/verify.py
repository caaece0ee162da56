"""Is every file of a results folder what it was when it was written? What is not goes to quarantine/ and is redone.

A file is moved for one reason only: its bytes are not those that were written, or it lies where no such file belongs.
What is whole and cannot be used, by a newer format or because it contradicts itself, and what cannot be read now, is
reported and stays.
"""

from dataclasses import dataclass, field
from pathlib import Path

from dalbt_ray.results.bundle import FOLDER as BUNDLE
from dalbt_ray.results.bundle import STAGED
from dalbt_ray.results.checking.bundle_files import check_bundle
from dalbt_ray.results.checking.expected_files import check_expected, read_index
from dalbt_ray.results.checking.finding import ACTED_ON, Finding, VerifyReport
from dalbt_ray.results.checking.journal_files import check_journal
from dalbt_ray.results.checking.strangers import check_single_files, check_strangers
from dalbt_ray.results.checking.trial_files import Identify, check_trial
from dalbt_ray.results.published import MANIFESTS, find_published, single_ids
from dalbt_ray.results.quarantine import quarantine, trial_files
from dalbt_ray.results.refusal import refusal
from dalbt_ray.results.schemas import TABLES, Table
from dalbt_ray.results.storage import journal
from dalbt_ray.results.storage.expected import Expected, index_file, indexed_ids
from dalbt_ray.results.storage.folder import SWEEP, check_folder, no_results_folder
from dalbt_ray.results.storage.location import open_storage
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, unseal


@dataclass
class Look:
    """What one pass over all files saw.

    Attributes:
        trials: finished trials.
        rounds: whole rounds of unfinished ones.
        bundled: the finished trials that the bundle counts for.
        findings: what is not as it should be.
    """

    trials: int = 0
    rounds: int = 0
    bundled: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


def verify(root: str | Path, identify: Identify = lambda _: "") -> VerifyReport:
    """Re-hash every file of a results folder and move what is damaged to `quarantine/`, so that it is redone.

    A damaged table takes its manifest and the other tables of its trial along, a damaged file of a bundle the bundle. A
    sweep may be running meanwhile: what it is about to replace looks damaged for a moment, so only what two passes find
    is told.

    Args:
        root: a path or a URI.
        identify: the id that a manifest's configuration has (`dalbt_ray.trial.manifest.identify`); without it, ids are
            not computed again.

    Raises:
        InputError: not a results folder, or one of a newer format, of which nothing is touched.
    """
    storage = open_storage(root)
    entries = storage.entries("")
    if not {SWEEP, f"{MANIFESTS}/", f"{BUNDLE}/"} & set(entries):
        raise no_results_folder(storage)
    check_folder(storage)
    _refuse_newer(storage)
    seen = look(storage, identify)
    if seen.findings:
        again = {(each.file, each.kind) for each in look(storage, identify).findings}
        seen.findings = [each for each in seen.findings if (each.file, each.kind) in again]
    return _act(storage, seen)


def look(storage: Storage, identify: Identify = lambda _: "") -> Look:
    """Read and hash everything; nothing is touched."""
    # Tables are listed before journals, and journals before manifests: that is the order in which a trial that is being
    # published passes through them, so none can look like an orphan.
    present: dict[Table, list[str]] = {table: storage.entries(table) for table in TABLES}
    running = set(journal.unfinished(storage))
    single = single_ids(storage)
    bundled, findings = check_bundle(storage, identify)
    index, damaged = read_index(storage)
    # What a bundle that cannot be used holds, nobody knows: then nothing is missing for certain.
    unknown = any(each.kind != "contradictory" for each in findings)
    findings += damaged
    for trial_id in sorted(single):
        findings += check_trial(storage, trial_id, bundled.get(trial_id, {}), identify)
    rounds = 0
    for trial_id in sorted(running - single - bundled.keys()):
        checked, found = check_journal(storage, trial_id, index.get(trial_id, Expected()))
        rounds += checked
        findings += found
    told = {each.file for each in findings}
    expected = check_expected(storage, index, running, single, set(index if unknown else bundled))
    findings += [each for each in expected if each.file not in told]
    findings += check_strangers(storage, present, known=running | single)
    findings += check_single_files(storage)
    return Look(trials=len(single | bundled.keys()), rounds=rounds, bundled=set(bundled), findings=findings)


def _refuse_newer(storage: Storage) -> None:
    """A folder that a newer program wrote may hold files that this one knows nothing of.

    Raises:
        InputError: it is one.
    """
    try:
        unseal("results", storage.read(SWEEP))
    except NewerFormatError as error:
        raise refusal(storage.location, SWEEP, error) from error
    except (DamagedError, OSError, MemoryError):
        return  # one of the files to tell of


def _act(storage: Storage, seen: Look) -> VerifyReport:
    """Move away what is not what was written; what became of it all."""
    newer = any(each.kind == "newer" for each in seen.findings)
    # What a newer program wrote may belong where this one knows no such file.
    strange = [each for each in seen.findings if newer and each.kind == "stranger"]
    damaged = tuple(each for each in seen.findings if each.kind in ACTED_ON and each not in strange)
    redo = {each.trial_id for each in damaged if each.trial_id}
    names = _to_move(damaged)
    if any(each.file.split("/")[0] in (BUNDLE, STAGED) for each in damaged):
        elsewhere = single_ids(storage).union(journal.unfinished(storage))
        lost = seen.bundled.union(indexed_ids(storage)) - elsewhere
        names += [index_file(trial_id) for trial_id in sorted(lost)]
        redo |= lost
    why = [f"{each.file} {each.problem}" for each in damaged]
    place = quarantine(storage, names, why) if damaged else ""
    if redo:
        redo -= find_published(storage).ids  # the bundle has a whole copy, or the single files are
    refused = [each for each in seen.findings if each.kind in ("newer", "contradictory")]
    return VerifyReport(
        trials=seen.trials,
        rounds=seen.rounds,
        damaged=damaged,
        refused=(*refused, *strange),
        unreadable=tuple(each for each in seen.findings if each.kind == "unreadable"),
        redo=frozenset(redo),
        quarantine=place,
    )


def _to_move(damaged: tuple[Finding, ...]) -> list[str]:
    names: list[str] = []
    for each in damaged:
        if each.trial_id and not each.file.startswith(journal.FOLDER):
            names += trial_files(each.trial_id)
    names += [each.file for each in damaged]
    # What should exist of a trial is counted anew from what is left of it.
    return names + [index_file(each.trial_id) for each in damaged if each.trial_id]
