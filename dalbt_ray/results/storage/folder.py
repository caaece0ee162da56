"""What a results folder looks like from outside: is it ours, is it of our version?"""

import json
from contextlib import suppress
from typing import Any

from dalbt_ray.errors import InputError
from dalbt_ray.results.refusal import refusal
from dalbt_ray.results.storage.json_bounds import DESCRIPTION_BYTES, refuse_json_bomb
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import VERSION, DamagedError, NewerFormatError, unseal

SWEEP = "sweep.json"

LOOKED_INTO, SHOWN = 100, 5
"""Folders inside a folder that is none of ours: how many are looked into, and how many are named."""

OUR_ENTRIES = {
    "trials/", "rounds/", "selections/", "timings/", "bundle/", "bundle.new/", "progress/", "index/", "errors/",
    "staging/", "quarantine/", "report/", "tracking/", "logs/", "lease/", "lease.lock", "lease.json", "probe",
}  # fmt: skip


def check_folder(storage: Storage) -> None:
    """Refuse to write among files that are not ours.

    Raises:
        InputError: there is no `sweep.json`, and there is something that no results folder has.
    """
    entries = storage.entries("")
    if {SWEEP, f"{SWEEP}/"} & set(entries):
        return
    unknown = [name for name in entries if name not in OUR_ENTRIES and not name.startswith(".")]
    if unknown:
        raise InputError(
            "results",
            storage.location,
            f"is not a results folder: it has {unknown[0]!r} and no {SWEEP}",
            remedy="name a new or an empty folder",
        )


def no_results_folder(storage: Storage) -> InputError:
    """The refusal of what has no `sweep.json`; it names results folders that lie right inside."""
    inside = []
    with suppress(OSError):  # a folder that is closed to this user has nothing to tell
        folders = [name for name in storage.entries("") if name.endswith("/")][:LOOKED_INTO]
        inside = [name.rstrip("/") for name in folders if SWEEP in storage.entries(name.rstrip("/"))]
    remedy = "name the folder that a sweep wrote, as in results/quick"
    if inside:
        remedy = f"name one inside: {', '.join(f'{storage.location}/{name}' for name in inside[:SHOWN])}"
    return InputError(
        "results", storage.location, f"is not a results folder: it has no {SWEEP}", remedy=remedy
    )


def read_sweep(storage: Storage) -> dict[str, Any] | None:
    """What `sweep.json` says; None if there is none.

    Raises:
        InputError: it is of another format or a newer version, or damaged.
    """
    try:
        data = storage.read(SWEEP)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        raise refusal(storage.location, SWEEP, error) from error
    try:
        refuse_json_bomb(data, DESCRIPTION_BYTES)
    except ValueError as error:
        raise refusal(storage.location, SWEEP, NewerFormatError(str(error))) from None
    try:
        head = json.loads(data)
        kind, version = head.get("format"), head.get("version")
    except (ValueError, AttributeError, RecursionError):
        kind, version = "dalbt-results", VERSION  # torn: the seal will say so
    if kind != "dalbt-results":
        raise InputError(
            "results", storage.location, f"has the format {kind!r}", remedy="name a new or an empty folder"
        )
    if isinstance(version, int) and version > VERSION:
        raise InputError(
            "results",
            storage.location,
            f"has version {version} of the format; this program knows version {VERSION}",
            remedy="install a newer dalbt-ray",
        )
    try:
        return unseal("results", data)
    except (DamagedError, NewerFormatError) as error:
        raise refusal(storage.location, SWEEP, error) from error
