"""The committed rounds of a trial that is not finished, in progress/<trial_id>/.

One small sealed file a round, `0000.json`, ..., and `trial.json`, which tells readers the trial's configuration.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dalbt_ray.results.conflict import refuse_difference
from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.records import Record
from dalbt_ray.results.refusal import refusal
from dalbt_ray.results.storage.expected import expect_manifest, expect_round, read_expected
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal, unseal

FOLDER = "progress"
TRIAL = "trial.json"
RUNNING = "running"
"""The kind of `trial.json` files."""

_ROUND = re.compile(r"\d{4,}\.json")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Journal:
    """The committed rounds of one trial. A round that was committed is never lost and never changes."""

    storage: Storage
    trial_id: str

    def begin(self, config: Mapping[str, Any]) -> None:
        """Tell readers what is being run: the full configuration, as JSON values. Again: the last one stays."""
        name = trial_file(self.trial_id)
        sealed = seal(RUNNING, {"trial_id": self.trial_id, "config": dict(config)})
        expect_manifest(self.storage, self.trial_id, b"")
        try:
            changed = not self.storage.create(name, sealed) and self.storage.read(name) != sealed
        except FileNotFoundError:
            return  # another driver has published the trial since, and cleared the journal
        except DamagedError:
            changed = True
        if changed:
            self.storage.write(name, sealed)

    def rounds(self) -> list[Record]:
        """The committed rounds, 0 first, without a gap.

        A damaged file, and what follows it, is removed and logged: those rounds are run again.

        Raises:
            InputError: a round is of a newer format; nothing is touched.
        """
        records, refused = _read_or_refuse(self.storage, self.trial_id)
        gone = _expected_rounds(self.storage, self.trial_id) - len(records)
        if gone > 0 and not refused:
            _log.warning(
                "%s: %d committed rounds of trial %s are gone; it continues from round %d",
                self.storage.location,
                gone,
                self.trial_id,
                len(records),
            )
        for name, problem in refused:
            _log.warning(
                "%s/%s %s; the trial continues from round %d",
                self.storage.location,
                name,
                problem,
                len(records),
            )
            self.storage.delete(name)
        return records

    def peek(self) -> list[Record]:
        """The committed rounds, without touching what is damaged.

        Raises:
            InputError: a round is of a newer format.
        """
        return _read_or_refuse(self.storage, self.trial_id)[0]

    def commit(self, round_index: int, record: Record) -> None:
        """Write one round for good. Committing it again with the same `row` and `query` changes nothing.

        Raises:
            ConflictError: the round is committed with other values.
            ValueError: a NaN or an infinity in `record`.
        """
        name = round_file(self.trial_id, round_index)
        ours = record.to_json()
        sealed = seal("round", {"trial_id": self.trial_id, "round": round_index, "record": ours})
        if self.storage.create(name, sealed):
            self._expect(round_index, sealed)
            return
        try:
            data = self.storage.read(name)
            present = _record(data, self.trial_id, round_index).to_json()
        except DamagedError:
            self.storage.write(name, sealed)
            self._expect(round_index, sealed)
            return
        except NewerFormatError as error:
            raise refusal(self.storage.location, name, error) from error
        except FileNotFoundError:
            return  # another driver has published the trial since, with this round, and cleared the journal
        refuse_difference(
            {**present, "timing": None},
            {**unseal("round", sealed)["record"], "timing": None},
            f"trial {self.trial_id}, round {round_index}",
        )
        self._expect(round_index, data)

    def _expect(self, round_index: int, data: bytes) -> None:
        before = [round_file(self.trial_id, index) for index in range(round_index)]
        try:
            expect_round(self.storage, self.trial_id, round_index, before, data)
        except FileNotFoundError:
            return  # another driver has published the trial since, and cleared the journal


@dataclass(frozen=True)
class RunningTrial:
    """A trial that is begun and not published: its configuration, empty where none is known, and its rounds."""

    config: dict[str, Any]
    records: list[Record]


def running_trials(storage: Storage) -> dict[str, RunningTrial]:
    """The trials that have a journal, by id.

    Raises:
        InputError: a round is of a newer format.
    """
    return {
        trial_id: RunningTrial(_config(storage, trial_id), Journal(storage, trial_id).peek())
        for trial_id in sorted(unfinished(storage))
    }


def read_rounds(storage: Storage, trial_id: str) -> tuple[list[Record], list[tuple[str, str]]]:
    """The rounds of a journal without touching it, and the files that were refused: (name, problem).

    Raises:
        NewerFormatError: a round's bytes are those that were written, but this version does not know them.
    """
    present = [name for name in storage.entries(f"{FOLDER}/{trial_id}") if name != TRIAL]
    records: list[Record] = []
    problem = "comes after a missing round"
    while _file(len(records)) in present:
        try:
            index = len(records)
            records.append(_record(storage.read(round_file(trial_id, index)), trial_id, index))
        except DamagedError as error:
            problem = str(error)
            break
        except FileNotFoundError:
            break  # the trial was published, and its journal cleared, while we read
    good = {_file(index) for index in range(len(records))}
    refused = [name for name in present if name not in good]
    named = [f"{FOLDER}/{trial_id}/{name}" for name in refused]
    return records, [
        (name, problem if index == 0 else "comes after a damaged or missing round")
        for index, name in enumerate(named)
    ]


def unfinished(storage: Storage) -> list[str]:
    """Ids of the trials that have a journal."""
    names = (entry.rstrip("/") for entry in storage.entries(FOLDER) if entry.endswith("/"))
    return [name for name in names if is_trial_id(name)]


def rounds_begun(storage: Storage, trial_id: str) -> int:
    """How many round files a journal has, from their names alone."""
    return sum(_ROUND.fullmatch(name) is not None for name in storage.entries(f"{FOLDER}/{trial_id}"))


def trial_file(trial_id: str) -> str:
    """Where a running trial's configuration lies."""
    return f"{FOLDER}/{trial_id}/{TRIAL}"


def _read_or_refuse(storage: Storage, trial_id: str) -> tuple[list[Record], list[tuple[str, str]]]:
    try:
        return read_rounds(storage, trial_id)
    except NewerFormatError as error:
        raise refusal(storage.location, f"{FOLDER}/{trial_id}", error) from error


def _config(storage: Storage, trial_id: str) -> dict[str, Any]:
    # It serves readers only: a trial runs on without it, and `verify` tells of damage.
    try:
        config = unseal(RUNNING, storage.read(trial_file(trial_id))).get("config")
    except (FileNotFoundError, DamagedError, NewerFormatError):
        return {}
    return config if isinstance(config, dict) else {}


def _expected_rounds(storage: Storage, trial_id: str) -> int:
    try:
        return len(read_expected(storage, trial_id).rounds)
    except (FileNotFoundError, DamagedError, NewerFormatError):
        return 0  # nobody knows; `verify` tells of damage


def _record(data: bytes, trial_id: str, round_index: int) -> Record:
    content = unseal("round", data)
    if (content.get("trial_id"), content.get("round")) != (trial_id, round_index):
        raise DamagedError("belongs to another trial or round")
    record = content.get("record")
    if not isinstance(record, dict):
        raise NewerFormatError("has no record that this version knows")
    try:
        return Record.from_json(record)
    except NewerFormatError:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise NewerFormatError(f"has values that this version does not know: {error}") from error


def _file(round_index: int) -> str:
    return f"{round_index:04d}.json"


def round_file(trial_id: str, round_index: int) -> str:
    """Where a committed round lies."""
    return f"{FOLDER}/{trial_id}/{_file(round_index)}"
