"""The committed rounds of a trial that is not finished: one small sealed file a round, in progress/<trial_id>/."""

import logging
from dataclasses import dataclass

from dalbt_ray.results.conflict import refuse_difference
from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.records import Record
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, seal, unseal

FOLDER = "progress"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Journal:
    """The committed rounds of one trial. A round that was committed is never lost and never changes."""

    storage: Storage
    trial_id: str

    def rounds(self) -> list[Record]:
        """The committed rounds, 0 first, without a gap.

        A damaged file, and what follows it, is removed and logged: those rounds are run again.
        """
        records, refused = read_rounds(self.storage, self.trial_id)
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

    def commit(self, round_index: int, record: Record) -> None:
        """Write one round for good. Committing it again with the same `row` and `query` changes nothing.

        Raises:
            ConflictError: the round is committed with other values.
            ValueError: a NaN or an infinity in `record`.
        """
        name = _name(self.trial_id, round_index)
        sealed = seal("round", {"trial_id": self.trial_id, "round": round_index, "record": record})
        if self.storage.create(name, sealed):
            return
        try:
            present = _read(self.storage, self.trial_id, round_index)
        except DamagedError:
            self.storage.write(name, sealed)
            return
        except FileNotFoundError:
            return  # a twin has published the trial since, with this round, and cleared the journal
        ours = unseal("round", sealed)["record"]
        refuse_difference(
            {**present, "timing": None},
            {**ours, "timing": None},
            f"trial {self.trial_id}, round {round_index}",
        )


def read_rounds(storage: Storage, trial_id: str) -> tuple[list[Record], list[tuple[str, str]]]:
    """The rounds of a journal without touching it, and the files that were refused: (name, problem)."""
    present = storage.entries(f"{FOLDER}/{trial_id}")
    records: list[Record] = []
    problem = "comes after a missing round"
    while _file(len(records)) in present:
        try:
            records.append(_read(storage, trial_id, len(records)))
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


def _read(storage: Storage, trial_id: str, round_index: int) -> Record:
    content = unseal("round", storage.read(_name(trial_id, round_index)))
    record = content.get("record")
    if (content.get("trial_id"), content.get("round")) != (trial_id, round_index) or not isinstance(
        record, dict
    ):
        raise DamagedError("belongs to another trial or round")
    return record


def _file(round_index: int) -> str:
    return f"{round_index:04d}.json"


def _name(trial_id: str, round_index: int) -> str:
    return f"{FOLDER}/{trial_id}/{_file(round_index)}"
