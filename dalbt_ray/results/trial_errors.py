"""The last failure of each trial, as text: what a user reads to fix it."""

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from dalbt_ray.errors import InputError
from dalbt_ray.results.identity import is_trial_id
from dalbt_ray.results.storage.protocol import Storage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal, unseal

FOLDER = "errors"
TRACE_LINES = 40

_log = logging.getLogger(__name__)


def record_error(storage: Storage, trial_id: str, error: BaseException, hint: str = "") -> None:
    """Replace the trial's last failure by `error`; `hint` says what may fix it.

    What made the trial fail, a full disk say, may make this fail too: that is logged, and the sweep goes on.
    """
    trace = "".join(traceback.format_exception(error)).splitlines()
    content = {
        "trial_id": trial_id,
        "type": type(error).__name__,
        "message": str(error),
        "hint": hint,
        "when_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "trace": trace[-TRACE_LINES:],
    }
    try:
        storage.write(error_file(trial_id), seal("error", content))
    except (OSError, InputError) as failure:
        _log.warning("the failure of trial %s could not be recorded: %s", trial_id, failure)


def read_errors(storage: Storage) -> dict[str, dict[str, Any]]:
    """The last failure of each trial that has one, by trial id. One that cannot be read counts as unknown."""
    failures: dict[str, dict[str, Any]] = {}
    for name in storage.entries(FOLDER):
        trial_id = name.removesuffix(".json")
        if not is_trial_id(trial_id):
            continue
        try:
            failures[trial_id] = unseal("error", storage.read(f"{FOLDER}/{name}"))
        except (DamagedError, NewerFormatError) as error:
            failures[trial_id] = {
                "trial_id": trial_id,
                "type": "unknown",
                "message": f"{name} {error}",
                "hint": "",
            }
        except FileNotFoundError:
            continue  # the trial was published while we read
    return failures


def error_file(trial_id: str) -> str:
    """Where a trial's last failure lies."""
    return f"{FOLDER}/{trial_id}.json"
