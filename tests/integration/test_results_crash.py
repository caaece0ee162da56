"""Whatever dies, and whenever: committed rounds stay, readers see whole files, the end is the same byte for byte."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dalbt_ray.results import ResultsStore, load_results, verify
from dalbt_ray.results.parquet_form import decode
from tests.results_records import identity, in_memory, run_trial

REPOSITORY = Path(__file__).parents[2]

KILLS = 20
TRIALS = 12

WRITER = """
import sys
from dalbt_ray.results import ResultsStore
from tests.results_records import identity, in_memory, run_trial
store = ResultsStore(sys.argv[1])
store.create_or_open({"sweep": "kill"})
with store.lease():
    print("begun", flush=True)
    for number in range(int(sys.argv[2])):
        if identity(number) not in store.committed():
            run_trial(store, number, rounds=4)
            print(number, flush=True)
"""


@pytest.mark.parametrize("scenario", ["continued", "bundled"])
def test_a_crash_at_every_step_is_recovered_from(scenario: str, tmp_path: Path) -> None:
    """Process death and power cut at each system call of a sweep; `results_crash_steps.py` enumerates them."""
    with in_memory(tmp_path) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.results_crash_steps", str(folder), scenario],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["steps"] > 80  # else the calls are no longer seen, and nothing was tested
    assert found["calls"] > 40


def test_random_kills_of_a_driver_change_nothing(tmp_path: Path) -> None:
    """SIGKILL at random moments, the same command again, until it is through: the files of an undisturbed run."""
    run_all(tmp_path / "undisturbed")
    rng, root, kills = random.Random(7), tmp_path / "killed", 0
    while True:
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), str(TRIALS)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        with writer, writer.stdout as lines:
            # Read a line (the lease is held, or a trial was published), then die a little later.
            for _ in range(rng.randint(1, 2)):
                lines.readline()
            if kills < KILLS:
                kills += 1
                try:
                    writer.wait(rng.random() * 0.03)
                except subprocess.TimeoutExpired:
                    writer.send_signal(signal.SIGKILL)
            lines.read()
        if root.exists():
            for path in root.glob("rounds/*"):
                decode("rounds", path.read_bytes())
        if writer.returncode == 0 and len(ResultsStore(root).committed()) == TRIALS:
            break
    assert kills > 3
    assert not verify(root).damaged
    assert deterministic(root) == deterministic(tmp_path / "undisturbed")
    assert not load_results(root).rounds.duplicated(["trial_id", "round"]).any()


def run_all(root: Path) -> None:
    """The undisturbed run."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": "kill"})
    for number in range(TRIALS):
        run_trial(store, number, rounds=4)


def deterministic(root: Path) -> dict[str, bytes]:
    """The files that must not depend on crashes."""
    return {
        f"{table}/{identity(number)}": (root / table / f"{identity(number)}.parquet").read_bytes()
        for table in ("rounds", "selections")
        for number in range(TRIALS)
    }
