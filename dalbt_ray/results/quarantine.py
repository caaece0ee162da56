"""`quarantine/`: what was taken out of the results, in a numbered folder for each time. Nothing there is replaced."""

from collections.abc import Iterable
from datetime import UTC, datetime

from dalbt_ray.results.published import manifest_file, table_file
from dalbt_ray.results.schemas import TABLES
from dalbt_ray.results.storage.expected import index_file
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import seal

FOLDER = "quarantine"
WHY = "why.json"


def quarantine(storage: Storage, names: Iterable[str], why: list[str]) -> str:
    """Move files and folders there, those that are there, in this order; the folder they are in now.

    Args:
        storage: the results folder.
        names: what to move, each asked for when the one before has moved; the name of a folder ends with `/`.
        why: one line for each reason; kept beside them.
    """
    place = _claim(storage, why)
    for name in names:
        folder, _, base = name.rstrip("/").rpartition("/")
        if {base, f"{base}/"} & set(storage.entries(folder)):
            storage.move(name.rstrip("/"), f"{place}/{name.rstrip('/')}")
    return f"{storage.location}/{place}"


def trial_files(trial_id: str) -> list[str]:
    """All files of a published trial. The manifest first: once it has gone, the trial counts as not done."""
    return [
        manifest_file(trial_id),
        *(table_file(table, trial_id) for table in TABLES),
        index_file(trial_id),
    ]


def _claim(storage: Storage, why: list[str]) -> str:
    """A folder with the next number, which nobody else can have."""
    numbers = [name.rstrip("/") for name in storage.entries(FOLDER)]
    number = max((int(name) for name in numbers if name.isdecimal()), default=0)
    content = {"when_utc": datetime.now(UTC).isoformat(timespec="seconds"), "why": why}
    while True:
        number += 1
        if storage.create(f"{FOLDER}/{number:04d}/{WHY}", seal("quarantine", content)):
            return f"{FOLDER}/{number:04d}"
