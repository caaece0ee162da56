"""What a sanity check says."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["passed", "failed", "not applicable"]
SHOWN = 5
"""Offenders that a sentence names; the others are counted."""


@dataclass(frozen=True)
class Check:
    """One check: what it asks, whether it holds, and what was found."""

    title: str
    state: State
    sentence: str


def judged(title: str, offenders: Iterable[object], good: str, bad: str) -> Check:
    """Passed with the sentence `good`, or failed with `bad` and the first offenders."""
    names = list(dict.fromkeys(str(name) for name in offenders))
    if not names:
        return Check(title, "passed", good)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return Check(title, "failed", f"{bad}: {', '.join(names[:SHOWN])}{more}.")
