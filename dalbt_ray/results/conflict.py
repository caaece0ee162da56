"""Two runs of one trial must give the same values; where they do not, nothing is overwritten and it is said."""

from typing import Any


class ConflictError(RuntimeError):
    """The same configuration, data and algorithm gave two results. What was committed first stays."""


def refuse_difference(committed: object, ours: object, what: str) -> None:
    """Compare two JSON values.

    Raises:
        ConflictError: they differ; the message names `what` and the first place where they do.
    """
    found = _difference(committed, ours, "")
    if found:
        raise ConflictError(
            f"{what} is committed with another result: {found}. The committed one stays. Equal results need equal "
            "versions, device type and number of threads; the manifests tell them"
        )


def _difference(a: Any, b: Any, path: str) -> str:
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        pairs = [(f"{path}.{key}", a[key], b[key]) for key in a]
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        pairs = [(f"{path}[{index}]", x, y) for index, (x, y) in enumerate(zip(a, b, strict=True))]
    else:
        return "" if a == b else f"{path.lstrip('.')} was {_short(a)} and is now {_short(b)}"
    return next((found for where, x, y in pairs if (found := _difference(x, y, where))), "")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
