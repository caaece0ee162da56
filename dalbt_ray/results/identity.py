"""Who a trial is: a name computed from what it does, so that the same trial is never run twice."""

import re
from hashlib import sha256
from json import dumps
from typing import Any

_TRIAL_ID = re.compile(r"[0-9a-f]{16}")


def trial_id(config: dict[str, Any], data_hash: str, algorithm_version: int) -> str:
    """16 hex digits of SHA-256 over the canonical configuration, the data and the algorithm's version.

    Canonical means: JSON, keys sorted, floats as `repr` writes them. A field that is a float must be given as one:
    1 and 1.0 are two configurations here.

    Args:
        config: every field that decides the outcome, defaults filled in.
        data_hash: hash of the images and labels the trial reads.
        algorithm_version: raised when the same configuration computes something else.

    Raises:
        ValueError: a NaN or an infinity in `config`.
    """
    parts = {"algorithm_version": algorithm_version, "config": config, "data_hash": data_hash}
    canonical = dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(canonical.encode()).hexdigest()[:16]


def is_trial_id(name: str) -> bool:
    """Whether `name` has the form of a trial's id; nothing else is ever taken for one, or put into a path."""
    return _TRIAL_ID.fullmatch(name) is not None
