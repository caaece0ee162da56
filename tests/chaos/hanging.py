"""A strategy of a user's own that hangs where nobody can reach it: stopped, or in native code with Python's lock."""

import ctypes
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.random import Random

FOLDER = "CHAOS_HANG"
"""Environment variable: where it is set, the strategy hangs, after it has left a file in that folder."""


@dataclass(frozen=True)
class Hang:
    """That a trial hangs.

    Attributes:
        since: as of `time()`.
        pid: of the process.
    """

    since: float
    pid: int


def hangs(folder: Path, trials: int) -> dict[int, Hang]:
    """Of the trials 1 to `trials`, all of which left a file in `folder`.

    Raises:
        AssertionError: some did not, whose time was over before they could hang, say.
    """
    found = {int(file.name): Hang(file.stat().st_mtime, int(file.read_text())) for file in folder.iterdir()}
    missing = sorted(set(range(1, trials + 1)) - found.keys())
    assert not missing, f"{missing} did not hang"
    return found


@dataclass(frozen=True, kw_only=True)
class Hanging(Random):
    """`random`, if it is left alone. `which` names its file; the even ones are stopped, the odd ones hold the lock."""

    name: ClassVar[str] = "hanging"
    which: int = 0

    @property
    def stopped(self) -> bool:
        """How it hangs."""
        return self.which % 2 == 0

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """As `random`, unless it hangs: no thread of the process runs any more, its timers neither."""
        if FOLDER in os.environ:
            Path(os.environ[FOLDER], str(self.which)).write_text(str(os.getpid()))
            if self.stopped:
                os.kill(os.getpid(), signal.SIGSTOP)
            else:
                ctypes.PyDLL(None).sleep(3_600)
        return super().pick(pool, candidates, budget, rng)
