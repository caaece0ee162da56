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
import pickle
import shutil
import sys
from pathlib import Path

from tests.integration.crash_disk import Disk
from tests.integration.crash_process import REAL, Crasher, forked
from tests.integration.results_crash_scenario import Scenario


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
    root, recorded = folder / "recorded", folder / "states"
    scenario.prepare(root)

    def record() -> None:
        disk = Disk(root)
        disk.adopt()

        def promise() -> None:
            disk.promised += 1

        disk.install()
        scenario.drive(root, promise)
        os._exit(
            REAL["write"](REAL["open"](recorded, os.O_WRONLY | os.O_CREAT), pickle.dumps(disk.states)) == 0
        )

    # In a child, so that the owner of the lease is gone when the power comes back.
    message = forked(record)
    assert not message, message
    states = pickle.loads(recorded.read_bytes())
    failures: list[str] = []
    for step, state in enumerate(states):
        target = folder / f"power-{step}"
        target.mkdir()
        Disk(root).build(state, target)
        found = forked(
            lambda target=target, state=state: scenario.check_after_crash(target, state[2], expected)  # type: ignore[misc]
        )
        failures += [f"cut after call {step}: {found}"] if found else []
        shutil.rmtree(target)
    return len(states), failures


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
