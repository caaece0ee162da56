"""How a sweep ended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SweepOutcome:
    """Counts of one call; trials that were finished before are in none of them.

    Attributes:
        done: trials published.
        failed: trials given up, each with a file in `errors/`.
        interrupted: whether the sweep was asked to stop before its end.
    """

    done: int
    failed: int
    interrupted: bool

    @property
    def exit_status(self) -> int:
        """130 interrupted, 1 some trials failed, 0 done."""
        if self.interrupted:
            return 130
        return 1 if self.failed else 0
