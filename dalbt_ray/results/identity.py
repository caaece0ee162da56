"""Who a trial is: a name computed from what it does, so that the same trial is never run twice."""

import re
from hashlib import sha256
from json import dumps
from typing import Any

_TRIAL_ID = re.compile(r"[0-9a-f]{16}")


def trial_id(essence: dict[str, Any], data_hash: str, algorithm_version: int) -> str:
    """16 hex digits of SHA-256 over what the trial says, the data and the algorithm's version.

    Canonical JSON: keys sorted, floats as `repr` writes them, and equal numbers in one form: 1 and 1.0 are the same,
    so are 0.0 and -0.0. Equal arguments give equal ids in every version of this package.

    Args:
        essence: what decides the outcome, beyond the defaults that held when each field was introduced
            (`dalbt_ray.options.canonical.essence`), and without the number of rounds: a trial that is asked for more
            rounds is the same trial.
        data_hash: hash of the images and labels the trial reads.
        algorithm_version: raised when the same configuration computes something else.

    Raises:
        ValueError: a NaN or an infinity in `essence`.
    """
    parts = {"algorithm_version": algorithm_version, "config": canonical(essence), "data_hash": data_hash}
    text = dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()[:16]


def canonical(value: Any) -> Any:
    """A JSON value with its whole numbers as ints, at any depth; true and false stay what they are."""
    if isinstance(value, dict):
        return {key: canonical(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_trial_id(name: str) -> bool:
    """Whether `name` has the form of a trial's id; nothing else is ever taken for one, or put into a path."""
    return _TRIAL_ID.fullmatch(name) is not None
