"""The journal of an unfinished trial: every round against its seal, and against what the index says was committed."""

from hashlib import sha256

from dalbt_ray.results.checking.finding import UNUSABLE, Finding, finding
from dalbt_ray.results.storage import journal
from dalbt_ray.results.storage.expected import Expected
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import unseal


def check_journal(storage: Storage, trial_id: str, expected: Expected) -> tuple[int, list[Finding]]:
    """How many rounds of an unfinished trial are whole, and the problems of its journal."""
    findings = []
    name = journal.trial_file(trial_id)
    try:
        unseal(journal.RUNNING, storage.read(name))
    except FileNotFoundError:
        pass  # a journal that was begun before there were such files
    except UNUSABLE as error:
        findings.append(finding(name, error))
    try:
        records, refused = journal.read_rounds(storage, trial_id)
    except UNUSABLE as error:
        return 0, [*findings, finding(f"{journal.FOLDER}/{trial_id}/", error, trial_id)]
    findings += [Finding(file, problem, trial_id) for file, problem in refused]
    if len(records) < len(expected.rounds) and not refused:
        gone = journal.round_file(trial_id, len(records))
        findings.append(Finding(gone, "is missing: the round was committed", trial_id, "missing"))
    for index, digest in enumerate(expected.rounds[: len(records)]):
        file = journal.round_file(trial_id, index)
        try:
            found = sha256(storage.read(file)).hexdigest()
        except UNUSABLE as error:
            return len(records), [*findings, finding(file, error, trial_id)]
        if found != digest:
            findings.append(Finding(file, "is not the round that was committed", trial_id, "contradictory"))
    return len(records), findings
