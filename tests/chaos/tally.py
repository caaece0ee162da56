"""What a run of `run.py` leaves: a line of JSON for each case, in a file that only grows; and the table of them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        fault: its function.
        seed: of the run.
        seconds: to the same end as without a fault.
        injected: faults by name, how many of each.
        told: by name, seconds until the longest silence was broken.
        broken: the end of the trace of a case that did not survive.
    """

    fault: str
    seed: int
    seconds: float
    injected: dict[str, int] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    broken: str = ""

    def append_to(self, file: Path) -> None:
        """One more line: what a killed run has done is not lost."""
        with file.open("a") as lines:
            lines.write(json.dumps(asdict(self)) + "\n")


def read(files: Iterable[Path]) -> list[Case]:
    """All cases of some files."""
    return [Case(**json.loads(line)) for file in files for line in file.read_text().splitlines()]


def table(cases: list[Case]) -> str:
    """As Markdown; sums over all cases of a fault."""
    rows = ["| fault | cases | injected | survived | worst case, s |", "|---|---|---|---|---|"]
    for fault in dict.fromkeys(case.fault for case in cases):
        those = [case for case in cases if case.fault == fault]
        names = dict.fromkeys(name for case in those for name in case.injected)
        injected = ", ".join(
            f"{sum(case.injected.get(name, 0) for case in those):,} {name}" for name in names
        )
        survived, worst = sum(not case.broken for case in those), max(case.seconds for case in those)
        rows.append(f"| `{fault}` | {len(those)} | {injected or 'none'} | {survived} | {worst:.0f} |")
    told: dict[str, float] = {}
    for case in cases:
        for name, seconds in case.told.items():
            told[name] = max(seconds, told.get(name, 0.0))
    if told:
        rows += ["", "| what was told | after, s at most |", "|---|---|"]
        rows += [f"| {name} | {seconds:.0f} |" for name, seconds in told.items()]
    return "\n".join(rows)
