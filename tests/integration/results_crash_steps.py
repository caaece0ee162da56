"""Crash a results folder at every system call that changes it, and recover. Run by test_results_crash.py.

Usage: python -m tests.integration.results_crash_steps FOLDER continued|bundled. Prints JSON: how many steps, and what
went wrong.

Each crash and each recovery is a forked process, so nothing but the disk carries over. Two worlds are tried:

- "process": the process dies at step k; what it had written stays (the page cache survives a process).
- "power": the machine dies at step k; only what was fsynced stays. A name is durable once its folder was fsynced after
  it was made, a file's bytes once the file was. A `Disk` records the calls, and the folder is built again from them.
"""

import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from dalbt_ray.results import Journal, Record, ResultsStore, compact, load_results, verify
from dalbt_ray.results.compaction import write_bundle
from dalbt_ray.results.load import read_published
from dalbt_ray.results.parquet_form import decode
from dalbt_ray.results.schemas import TABLES
from tests.results_records import run_trial

REAL = {
    name: getattr(os, name)
    for name in ("open", "write", "fsync", "replace", "link", "unlink", "mkdir", "rmdir")
}


@dataclass(frozen=True)
class Scenario:
    """A sweep of one trial of two rounds, which is then asked for a third one.

    Attributes:
        bundled: the two rounds are there before anything crashes, in a bundle alone; the third joins it in the end.
    """

    bundled: bool

    def prepare(self, root: Path) -> None:
        """What is there before anything crashes."""
        root.mkdir()
        if self.bundled:
            store = ResultsStore(root)
            store.create_or_open({"sweep": "crash"})
            run_trial(store, 0, rounds=2)
            compact(root)
            for folder in ("trials", *TABLES):
                shutil.rmtree(root / folder)

    def drive(self, root: Path, committed: Callable[[], None] = lambda: None, *, lease: bool = True) -> None:
        """All of it, as drivers run it; `committed` is told of each commit that has returned."""
        store = ResultsStore(root)
        store.create_or_open({"sweep": "crash"})

        class Announcing(Journal):
            """A journal that says when a commit has returned."""

            def commit(self, round_index: int, record: Record) -> None:
                super().commit(round_index, record)
                committed()

        store.journal = lambda trial_id: Announcing(store.storage, trial_id)  # type: ignore[method-assign]
        for rounds in (3,) if self.bundled else (2, 3):
            with store.lease() if lease else nullcontext():
                run_trial(store, 0, rounds=rounds)
        if self.bundled and lease:
            compact(root)
        elif self.bundled:
            write_bundle(store.storage, *read_published(store.storage))

    def deterministic(self, root: Path) -> dict[str, str]:
        """SHA-256 of the files that must not depend on crashes."""
        return {
            f"{table}/{path.name}": sha256(path.read_bytes()).hexdigest()
            for table in ("rounds", "selections")
            for path in ([root / "bundle" / f"{table}.parquet"] if self.bundled else (root / table).iterdir())
        }

    def check_after_crash(self, root: Path, promised: int, expected: dict[str, str]) -> None:
        """What a reader sees, that no committed round is lost, and that the same commands finish the sweep."""
        for table in TABLES:
            for path in (root / table).glob("*"):
                decode(table, path.read_bytes())
        if (root / "sweep.json").exists():
            found = load_results(root, include_running=True)
            promised += 2 * self.bundled
            assert len(found.rounds) >= promised, (
                f"{promised} rounds were committed, {len(found.rounds)} are there"
            )
            assert not found.rounds.duplicated(["trial_id", "round"]).any()
        self.drive(root)
        assert self.deterministic(root) == expected
        assert not verify(root).damaged
        assert not list((root / "progress").iterdir())


def forked(work: Callable[[], None]) -> str:
    """Run `work` in a child; its traceback, or nothing."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            REAL["write"](writing, traceback.format_exc().encode()[-4000:])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        message = pipe.read().decode()
    os.waitpid(child, 0)
    return message


@dataclass
class Crasher:
    """Stands before the system calls and ends the process at step `at`; a write is cut in the middle."""

    at: int
    step: int = 0

    def install(self) -> None:
        """Replace the calls."""
        for name in REAL:
            setattr(os, name, self.wrap(name))

    def wrap(self, name: str) -> Callable[..., object]:
        """One call."""

        def call(*arguments: object, **options: object) -> object:
            if name == "open" and not int(arguments[1]) & os.O_CREAT:  # type: ignore[call-overload]
                return REAL[name](*arguments, **options)
            if self.step == self.at:
                if name == "write":
                    REAL["write"](arguments[0], bytes(arguments[1])[: len(bytes(arguments[1])) // 2])  # type: ignore[arg-type]
                os._exit(9)
            self.step += 1
            return REAL[name](*arguments, **options)

        return call


@dataclass
class Disk:
    """A model of what survives a power cut: for each folder its durable names, for each file its durable bytes."""

    root: Path
    names: dict[str, int] = field(default_factory=dict)
    durable_names: dict[str, int] = field(default_factory=dict)
    content: dict[int, bytes] = field(default_factory=dict)
    durable_content: dict[int, bytes] = field(default_factory=dict)
    promised: int = 0
    states: list[tuple[dict[str, int], dict[int, bytes], int]] = field(default_factory=list)
    _open: dict[int, str] = field(default_factory=dict)
    _inodes: int = 0

    FOLDER = -1

    def adopt(self) -> None:
        """What is there already, all of it durable."""
        for path in sorted(self.root.rglob("*")):
            self._inodes += 1
            self.names[str(path)] = self.FOLDER if path.is_dir() else self._inodes
            if path.is_file():
                self.content[self._inodes] = path.read_bytes()
        self.durable_names, self.durable_content = dict(self.names), dict(self.content)

    def install(self) -> None:
        """Record the calls from now on."""
        for name in REAL:
            setattr(os, name, self.wrap(name))

    def wrap(self, name: str) -> Callable[..., object]:
        """One call: done, then mirrored in the model."""

        def call(*arguments: object, **options: object) -> object:
            result = REAL[name](*arguments, **options)
            getattr(self, f"on_{name}")(result, *arguments, **options)
            state = (dict(self.durable_names), dict(self.durable_content), self.promised)
            if not self.states or self.states[-1] != state:  # only an fsync changes what survives
                self.states.append(state)
            return result

        return call

    def on_open(
        self, descriptor: int, path: object, flags: int, *_: object, dir_fd: int | None = None
    ) -> None:
        """A name appears, with an empty file."""
        where = self._where(path, dir_fd)
        self._open[descriptor] = where
        if flags & os.O_CREAT and where not in self.names:
            self._inodes += 1
            self.names[where] = self._inodes
            self.content[self._inodes] = b""

    def on_write(self, written: int, descriptor: int, data: bytes) -> None:
        """Bytes reach the cache."""
        if descriptor in self._open:
            self.content[self.names[self._open[descriptor]]] += bytes(data)[:written]

    def on_fsync(self, _: object, descriptor: int) -> None:
        """A file's bytes, or a folder's names, reach the disk."""
        where = self._open[descriptor]
        if where in self.names and self.names[where] != self.FOLDER:
            inode = self.names[where]
            self.durable_content[inode] = self.content[inode]
            return
        for names in (self.names, self.durable_names):
            for name in [name for name in names if os.path.dirname(name) == where]:  # noqa: PTH120
                if name in self.names:
                    self.durable_names[name] = self.names[name]
                else:
                    del self.durable_names[name]

    def on_replace(self, _: object, old: object, new: object) -> None:
        """A name moves."""
        self.names[self._where(new)] = self.names.pop(self._where(old))

    def on_link(self, _: object, old: object, new: object) -> None:
        """A second name."""
        self.names[self._where(new)] = self.names[self._where(old)]

    def on_unlink(self, _: object, path: object, dir_fd: int | None = None) -> None:
        """A name goes."""
        self.names.pop(self._where(path, dir_fd), None)

    def on_mkdir(self, _: object, path: object, *__: object) -> None:
        """A folder."""
        self.names[self._where(path)] = self.FOLDER

    def on_rmdir(self, _: object, path: object, dir_fd: int | None = None) -> None:
        """A folder goes."""
        self.names.pop(self._where(path, dir_fd), None)

    def build(self, state: tuple[dict[str, int], dict[int, bytes], int], target: Path) -> None:
        """The folder as it is found after the power comes back."""
        names, content, _ = state
        for name, inode in sorted(names.items()):
            path = target / Path(name).relative_to(self.root)
            if not path.parent.is_dir():
                continue  # its folder's own name was lost
            if inode == self.FOLDER:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(content.get(inode, b""))

    @staticmethod
    def _where(path: object, dir_fd: int | None = None) -> str:
        text = os.fspath(path)  # type: ignore[call-overload]
        if dir_fd is not None:
            text = f"{os.readlink(f'/proc/self/fd/{dir_fd}')}/{text}"  # noqa: PTH115
        return str(text)


def process_crashes(folder: Path, scenario: Scenario, expected: dict[str, str]) -> tuple[int, list[str]]:
    """Die at step 0, 1, 2, ... until a run gets through; how many steps, and what was found broken."""
    failures: list[str] = []
    for step in range(10_000):
        root, tally = folder / f"process-{step}", folder / f"tally-{step}"
        scenario.prepare(root)
        tally.touch()

        def crash(step: int = step, root: Path = root, tally: Path = tally) -> None:
            count = REAL["open"](tally, os.O_WRONLY | os.O_APPEND)
            Crasher(step).install()
            scenario.drive(root, lambda: REAL["write"](count, b"."))
            REAL["write"](count, b"done")

        failures += [f"step {step}, before the crash: {found}" for found in [forked(crash)] if found]
        told = tally.read_text()
        promised = told.count(".")
        found = forked(
            lambda root=root, promised=promised: scenario.check_after_crash(root, promised, expected)  # type: ignore[misc]
        )
        failures += [f"step {step}: {found}"] if found else []
        shutil.rmtree(root)
        if told.endswith("done"):
            return step, failures
    raise AssertionError("the sweep never got through")


def power_cuts(folder: Path, scenario: Scenario, expected: dict[str, str]) -> tuple[int, list[str]]:
    """Cut the power after each recorded call that changes what survives; how many, and what was found broken."""
    root = folder / "recorded"
    scenario.prepare(root)
    disk = Disk(root)
    disk.adopt()

    def promise() -> None:
        disk.promised += 1

    disk.install()
    try:
        scenario.drive(root, promise, lease=False)
    finally:
        for name, real in REAL.items():
            setattr(os, name, real)
    failures: list[str] = []
    for step, state in enumerate(disk.states):
        target = folder / f"power-{step}"
        target.mkdir()
        disk.build(state, target)
        found = forked(
            lambda target=target, state=state: scenario.check_after_crash(target, state[2], expected)  # type: ignore[misc]
        )
        failures += [f"cut after call {step}: {found}"] if found else []
        shutil.rmtree(target)
    return len(disk.states), failures


def main(folder: Path, scenario: Scenario) -> None:
    """Both worlds."""
    undisturbed = folder / "undisturbed"
    scenario.prepare(undisturbed)
    message = forked(lambda: scenario.drive(undisturbed))
    assert not message, message
    expected = scenario.deterministic(undisturbed)
    assert len(expected) == 2
    steps, failures = process_crashes(folder, scenario, expected)
    calls, broken = power_cuts(folder, scenario, expected)
    print(json.dumps({"steps": steps, "calls": calls, "failures": failures + broken}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Scenario(bundled=sys.argv[2] == "bundled"))
