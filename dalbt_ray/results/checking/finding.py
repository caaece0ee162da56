"""What `verify` found out about one file, and about the folder."""

from dataclasses import dataclass
from typing import Literal

from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError

Kind = Literal["damaged", "missing", "stranger", "newer", "contradictory", "unreadable"]
"""Its bytes are not those that were written; it is gone; it lies where no such file belongs; it is whole, and this
version cannot use it; it is whole, and other files say otherwise; nobody can say, since it cannot be read now."""

ACTED_ON: tuple[Kind, ...] = ("damaged", "missing", "stranger")
"""What goes to quarantine or is run again. Everything else stays where it is."""


@dataclass(frozen=True)
class Finding:
    """One file that is not as it should be.

    Attributes:
        file: its name below the results folder.
        problem: what is wrong with it.
        trial_id: the trial that it belongs to; empty if it belongs to none.
        kind: which answer that is.
    """

    file: str
    problem: str
    trial_id: str = ""
    kind: Kind = "damaged"


def finding(name: str, error: Exception, trial_id: str = "") -> Finding:
    """What an error says of the file that it was raised for."""
    if isinstance(error, MemoryError):
        return Finding(name, "cannot be read: memory is full", trial_id, "unreadable")
    if isinstance(error, OSError):
        return Finding(name, f"cannot be read: {error.strerror or error}", trial_id, "unreadable")
    return Finding(name, str(error), trial_id, "newer" if isinstance(error, NewerFormatError) else "damaged")


UNUSABLE = (DamagedError, NewerFormatError, OSError, MemoryError)
"""What `finding` takes. `FileNotFoundError` is one of them: catch it first where a file may have gone."""


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found.

    Attributes:
        trials: finished trials that were read and hashed.
        rounds: committed rounds of unfinished trials that were read and hashed.
        damaged: the files that were not what was written, were gone, or did not belong; they were moved away.
        refused: the files that are what was written, and that this version cannot use or that contradict each other;
            they stay.
        unreadable: the files that could not be read now; they stay.
        redo: ids of the trials that will be run again, wholly or from their first damaged round.
        quarantine: folder that the damaged files were moved to; empty if none was.
    """

    trials: int
    rounds: int
    damaged: tuple[Finding, ...] = ()
    refused: tuple[Finding, ...] = ()
    unreadable: tuple[Finding, ...] = ()
    redo: frozenset[str] = frozenset()
    quarantine: str = ""

    @property
    def whole(self) -> bool:
        """Whether every file is what was written, and all that should be there is."""
        return not (self.damaged or self.refused or self.unreadable)

    def __str__(self) -> str:
        checked = f"{self.trials} finished trials and {self.rounds} rounds of unfinished ones were re-hashed"
        lines = [f"{checked}: every file is what was written" if self.whole else checked]
        if self.damaged:
            lines[0] += f": {len(self.damaged)} files are damaged"
            lines += [f"  {each.file} {each.problem}" for each in self.damaged]
            moved = f"moved to {self.quarantine}; " if self.quarantine else ""
            lines.append(f"{moved}the sweep's own command runs {len(self.redo)} trials again")
        if self.refused:
            lines += [f"  {each.file} {each.problem}" for each in self.refused]
            newer = sum(each.kind == "newer" for each in self.refused)
            left = f"{len(self.refused)} files are what was written"
            if newer:
                lines.append(
                    f"{left}, but this version cannot use {newer} of them; they were left where they are: install the "
                    "dalbt-ray that wrote them, or a newer one"
                )
            else:
                lines.append(
                    f"{left}, but contradict others; they were left where they are: a person has to look"
                )
        if self.unreadable:
            lines += [f"  {each.file} {each.problem}" for each in self.unreadable]
            lines.append(
                f"{len(self.unreadable)} files cannot be read now, which says nothing about them; they were left where "
                "they are: mend permissions, disk or mount and verify again"
            )
        return "\n".join(lines)
