"""A small sweep that is hurt: started as a forked driver, again and again, and compared with an undisturbed run."""

import contextlib
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

from dalbt_ray.launch.sweep_command import sweep
from dalbt_ray.results import Journal, Patience, load_results, results_store, verify
from tests.integration.failing_calls import trials
from tests.integration.waiting import wait_for

LIMIT_S = 300.0
"""Seconds after which a driver that has not ended counts as hung."""

QUICK = Patience(heartbeat=0.1, watch=0.5, expiry=2.0)
"""A lease that expires in seconds, so that many drivers can be stopped for longer."""


@dataclass(frozen=True)
class Driver:
    """A driver in a process of its own.

    Attributes:
        pid: the process.
        printed: the file that holds what it prints.
        tally: a file with one byte for each commit that has returned.
    """

    pid: int
    printed: Path
    tally: Path

    def wait(self, seconds: float = LIMIT_S) -> int:
        """Its exit status, negative for a signal.

        Raises:
            TimeoutError: it hangs; it is killed.
        """
        try:
            wait_for(self.ended, seconds)
        except TimeoutError:
            os.kill(self.pid, 9)
            raise
        finally:
            _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def ended(self) -> bool:
        """Whether it has; `wait` tells how."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.printed.read_text()

    @property
    def promised(self) -> int:
        """Rounds whose commit has returned."""
        return self.tally.stat().st_size if self.tally.exists() else 0


@dataclass
class Arena:
    """Where everything happens.

    Attributes:
        folder: for everything.
        rng: chooses moments and places.
        expected: the deterministic tables of an undisturbed run.
        seconds: how long that run took.
        injected: faults injected in the current case, by name; a case may inject several.
        told: the longest silence in the current case after a fault, in seconds, by what broke it.
    """

    folder: Path
    rng: random.Random
    expected: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    injected: dict[str, int] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    _cases: int = 0

    def prepare(self) -> None:
        """Run it undisturbed."""
        # Children fork off with what is imported here: a driver is then mostly at work, not importing.
        import dalbt_ray.launch.in_process
        import dalbt_ray.report.build  # noqa: F401

        self.finish(self.fresh())
        began = monotonic()
        root = self.fresh()
        self.finish(root)
        self.expected, self.seconds = tables(root), monotonic() - began

    def fresh(self) -> Path:
        """A folder that does not exist yet; those of earlier cases go."""
        shutil.rmtree(self.folder / f"case{self._cases}", ignore_errors=True)
        self._cases += 1
        return self.folder / f"case{self._cases}" / "results"

    def moment(self) -> float:
        """Seconds after its start at which something happens to a driver."""
        return self.rng.uniform(0.02, 0.6) * max(self.seconds, 0.5)

    def count(self, fault: str) -> None:
        """One more was injected."""
        self.injected[fault] = self.injected.get(fault, 0) + 1

    def heard(self, what: str, seconds: float, limit: float) -> None:
        """Something was said so long after a fault.

        Raises:
            AssertionError: later than promised.
        """
        self.told[what] = max(seconds, self.told.get(what, 0.0))
        assert seconds <= limit, f"{what} after {seconds:.1f} s"

    def start(self, root: Path | str, before: Callable[[], None] = lambda: None) -> Driver:
        """The sweep's own command, in process, after `before`, in a fork."""
        base = self.folder / f"case{self._cases}"
        base.mkdir(parents=True, exist_ok=True)
        number = len(list(base.glob("*.printed")))
        driver_files = base / f"{number}.printed", base / "tally"
        driver_files[0].touch()  # the next one gets another number
        pid = os.fork()
        if pid:
            return Driver(pid, *driver_files)
        status = 70
        try:
            with (
                driver_files[0].open("w", buffering=1) as stream,
                contextlib.redirect_stdout(stream),
                contextlib.redirect_stderr(stream),
            ):
                os.dup2(stream.fileno(), 2)
                try:
                    os.chdir(base)  # results in an object store have their report in the working folder
                    tell_commits(driver_files[1])
                    results_store.Patience = partial(Patience, **vars(QUICK))  # type: ignore[misc, assignment]
                    before()
                    status = sweep(trials, None, ["--in-process", "--results", str(root)])
                except BaseException as error:
                    print("Traceback", type(error), error)
        finally:  # whatever happens, on a full disk above all: no second run of all cases goes on from here
            os._exit(status)

    def finish(self, root: Path | str, before: Callable[[], None] = lambda: None) -> None:
        """The same command until it is through: at once, unless the driver before it may still be alive."""
        driver = self.start(root, before)
        assert driver.wait() == 0, driver.text
        assert "Traceback" not in driver.text, driver.text

    def check(self, root: Path) -> None:
        """Finish, and compare: nothing lost, nothing changed, nothing that `verify` or a reader finds fault with."""
        self.finish(root)
        self.compare(root)

    def compare(self, root: Path, expected: dict[str, bytes] | None = None) -> None:
        """See `check`, of a sweep that is finished; with the tables of another one, if they are given."""
        assert tables(root) == (expected or self.expected), "other tables than the undisturbed run"
        report = verify(root)
        assert report.whole, report
        rounds = load_results(root).rounds
        assert not rounds.duplicated(["trial_id", "round"]).any()


def tell_commits(tally: Path) -> None:
    """Append a byte to `tally` for each commit that has returned; made durable by nothing, it is the promise."""
    commit = Journal.commit

    def told(journal: Journal, *arguments: object) -> None:
        commit(journal, *arguments)  # type: ignore[arg-type]
        with tally.open("ab") as file:
            file.write(b".")

    Journal.commit = told  # type: ignore[method-assign, assignment]


def tables(root: Path) -> dict[str, bytes]:
    """The files that must not depend on what happens."""
    return {
        f"{table}/{path.name}": path.read_bytes()
        for table in ("rounds", "selections")
        for path in (root / table).glob("*.parquet")
    }


def committed(root: Path) -> int:
    """Rounds that a reader sees."""
    return len(load_results(root, include_running=True).rounds) if (root / "sweep.json").exists() else 0
