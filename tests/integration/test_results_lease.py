"""Two drivers and one results folder."""

import logging
import os
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import Patience, ResultsStore
from dalbt_ray.results.storage.lease import hold
from dalbt_ray.results.storage.local_disk import LocalStorage
from dalbt_ray.results.storage.process_identity import ProcessIdentity, this_process
from dalbt_ray.results.storage.sealed import seal
from tests.results_records import identity, record, run_trial

REPOSITORY = Path(__file__).parents[2]

HOLDER = """
import sys
from dalbt_ray.results import ResultsStore
store = ResultsStore(sys.argv[1])
store.create_or_open({})
with store.lease():
    print("held", flush=True)
    sys.stdin.read()
"""

RACER = """
import sys
from dalbt_ray.errors import InputError
from dalbt_ray.results import ResultsStore
store = ResultsStore(sys.argv[1])
store.create_or_open({})
print("ready", flush=True)
sys.stdin.readline()
try:
    with store.lease():
        print("won", flush=True)
        sys.stdin.read()
except InputError as error:
    print(error, flush=True)
"""


def start(script: str, root: Path) -> subprocess.Popen[str]:
    """Another driver, controlled by its standard input."""
    return subprocess.Popen(
        [sys.executable, "-c", script, str(root)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    """The next line it prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


QUICK = Patience(heartbeat=0.05, watch=0.2, expiry=1.0)


def put_lease(store: ResultsStore, owner: ProcessIdentity, generation: int = 1) -> None:
    """A lease of somebody else's."""
    content = asdict(owner) | {"token": "other", "since_utc": "2026", "beat": 3, "released": False}
    store.storage.write(f"lease/{generation:08d}.json", seal("lease", content))


def ended_pid() -> int:
    """A pid that was a process's a moment ago."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def opened(root: Path) -> ResultsStore:
    """A new results folder."""
    store = ResultsStore(root)
    store.create_or_open({})
    return store


def test_the_second_driver_is_told_who_is_there(tmp_path: Path) -> None:
    """Host, pid and since when; and once the first has left, the second gets the folder."""
    with start(HOLDER, tmp_path) as holder:
        assert line(holder) == "held"
        store = ResultsStore(tmp_path)
        with pytest.raises(InputError) as refused, store.lease():
            pass
        assert f"host {socket.gethostname()}" in str(refused.value)
        assert f"pid {holder.pid}, since 2" in str(refused.value)
        holder.communicate("")
    with store.lease() as lease:
        assert not lease.lost


def test_a_killed_driver_is_replaced_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """On the same host nobody waits for the lease to expire."""
    with start(HOLDER, tmp_path) as holder:
        assert line(holder) == "held"
        holder.kill()
        holder.communicate()
    with caplog.at_level(logging.WARNING), ResultsStore(tmp_path).lease():
        pass
    assert not caplog.records


def test_of_several_drivers_one_gets_the_folder(tmp_path: Path) -> None:
    """All start at the same moment, in three races."""
    racers = 3
    for race in range(3):
        root = tmp_path / str(race)
        drivers = [start(RACER, root) for _ in range(racers)]
        assert [line(driver) for driver in drivers] == ["ready"] * racers
        for driver in drivers:
            assert driver.stdin is not None
            driver.stdin.write("\n")
            driver.stdin.flush()
        answers = [line(driver) for driver in drivers]
        for driver in drivers:
            driver.communicate("")
        assert answers.count("won") == 1
        assert sum("in use by another driver: host" in answer for answer in answers) == racers - 1


def test_a_silent_driver_elsewhere_is_announced_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its lease names another host, so only silence tells that it is gone."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    put_lease(store, replace(this_process(), host="node7", pid=4242))
    with caplog.at_level(logging.WARNING), store.lease(Patience(heartbeat=0.1, watch=0.2, expiry=1.0)):
        pass
    assert "gives no sign of life (host node7, pid 4242" in caplog.text


def test_a_driver_that_lost_its_lease_knows(tmp_path: Path) -> None:
    """Somebody removed its file: `lost` turns true by the heartbeat."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    with store.lease(Patience(heartbeat=0.05, watch=0.2, expiry=1.0)) as lease:
        (tmp_path / "lease" / "00000001.json").unlink()
        assert lease.wait_lost(timeout=30)
        assert lease.lost


def test_starting_removes_what_crashed_drivers_left(tmp_path: Path) -> None:
    """Old temporary files and journals of published trials go; a fresh temporary file may be somebody's and stays."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    run_trial(store, 0)
    store.journal(identity(0)).commit(0, record(0))  # as after a crash between manifest and clearing
    store.journal(identity(1)).commit(0, record(0))
    old, fresh = tmp_path / "staging" / "old", tmp_path / "staging" / "fresh"
    for file in (old, fresh):
        file.write_bytes(b"half")
    hour = 3600
    os.utime(old, (old.stat().st_atime - hour, old.stat().st_mtime - hour))
    with store.lease():
        assert not old.exists()
        assert fresh.exists()
        assert store.unfinished() == {identity(1): 1}
        assert [path.name for path in (tmp_path / "progress").iterdir()] == [identity(1)]


@pytest.mark.parametrize("marker", ["lease.lock", "lease/00000001.json"])
def test_a_marker_that_a_power_cut_left_empty_is_taken_over(marker: str, tmp_path: Path) -> None:
    """Today's, on a disk that ignores fsync, and that of earlier versions: 0 bytes wedge no folder."""
    store = opened(tmp_path)
    (tmp_path / marker).parent.mkdir(exist_ok=True)
    (tmp_path / marker).touch()
    with store.lease(QUICK) as lease:
        assert not lease.lost
    assert not (tmp_path / "lease.lock").exists()


@pytest.mark.parametrize(
    "apart", [{"namespace": "pid:[1]"}, {"boot": "before the power cut"}, {"host": "node7"}]
)
def test_an_owner_that_may_be_alive_is_not_robbed_at_once(
    apart: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A container with this host's name counts its own pids, a machine that was started again counts anew."""
    store = opened(tmp_path)
    owner = replace(this_process(), pid=ended_pid(), **apart)  # type: ignore[arg-type]
    assert not owner.ended
    put_lease(store, owner)
    with caplog.at_level(logging.WARNING), store.lease(QUICK):
        pass
    assert f"gives no sign of life (host {owner.host}" in caplog.text


def test_an_owner_whose_pid_is_another_process_by_now_has_ended(tmp_path: Path) -> None:
    """This very process has the pid, and started at another moment."""
    here = this_process()
    assert not here.ended
    assert replace(here, started=here.started + 1).ended
    assert replace(here, pid=ended_pid()).ended


def test_an_owner_that_slept_finds_the_next_generation(tmp_path: Path) -> None:
    """As after SIGSTOP: the lease is lost, what a second driver must not do too is refused, and its file stays."""
    store = opened(tmp_path)
    with hold(store.storage, replace(QUICK, heartbeat=0.05)) as lease:
        assert lease.generation == 1
        put_lease(store, replace(this_process(), host="node7"), generation=2)
        with pytest.raises(InputError, match="was taken over by another driver"):
            lease.confirm()
        assert lease.wait_lost(timeout=30)
    assert (tmp_path / "lease" / "00000002.json").exists()


@dataclass(frozen=True)
class RobbedWhileMoving(LocalStorage):
    """A folder that another driver takes over while a file is moved to quarantine."""

    def move(self, name: str, target: str) -> None:
        """Moves, and the next generation is there."""
        LocalStorage.move(self, name, target)
        if not (self.root / "lease" / "00000002.json").exists():
            owner = asdict(replace(this_process(), host="node7")) | {"token": "other", "since_utc": "2026"}
            self.write("lease/00000002.json", seal("lease", owner | {"beat": 0, "released": False}))


def test_a_driver_that_lost_its_lease_sets_no_trial_aside(tmp_path: Path) -> None:
    """What is published may be the new owner's, with the new source; nothing moves, no quarantine is begun."""
    store = opened(tmp_path)
    for seed in range(2):
        run_trial(store, seed)
    with hold(store.storage, Patience()) as lease:
        put_lease(store, replace(this_process(), host="node7"), generation=2)
        with pytest.raises(InputError, match="was taken over by another driver"):
            store.set_aside([identity(0)], lease)
    assert store.committed() == {identity(0), identity(1)}
    assert not (tmp_path / "quarantine").exists()


def test_a_driver_that_loses_its_lease_between_two_trials_leaves_the_second(tmp_path: Path) -> None:
    """The one that was begun is moved whole."""
    store = opened(tmp_path)
    for seed in range(2):
        run_trial(store, seed)
    store.storage = RobbedWhileMoving(tmp_path)
    with (
        hold(store.storage, Patience()) as lease,
        pytest.raises(InputError, match="was taken over by another driver"),
    ):
        store.set_aside([identity(0), identity(1)], lease)
    first, second = sorted([identity(0), identity(1)])
    assert store.committed() == {second}
    assert not list(tmp_path.glob(f"[!q]*/{first}.*"))


def test_generations_never_start_again(tmp_path: Path) -> None:
    """Also after a lease that was given back."""
    store = opened(tmp_path)
    for generation in (1, 2, 3):
        with store.lease(QUICK) as lease:
            assert lease.generation == generation
    assert [path.name for path in (tmp_path / "lease").iterdir()] == ["00000003.json"]


@dataclass(frozen=True)
class Away(LocalStorage):
    """A folder whose server is away for the first signs of life, with an error that is no `OSError`."""

    failures: list[str] = field(default_factory=lambda: ["away"] * 3)

    def write(self, name: str, data: bytes) -> None:
        """Fails a few times."""
        if self.failures:
            raise RuntimeError(self.failures.pop())
        super().write(name, data)


def test_signs_of_life_go_on_after_an_outage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the store's library raised: the owner lives, says that it could not show it, and keeps the lease."""
    opened(tmp_path)
    away = Away(tmp_path)
    with hold(away, QUICK) as lease:
        before = away.read("lease/00000001.json")
        while away.failures or away.read("lease/00000001.json") == before:
            assert not lease.wait_lost(timeout=0.05)
    assert caplog.text.count("no sign of life could be given: away") == 1
