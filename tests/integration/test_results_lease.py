"""Two drivers and one results folder."""

import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import Patience, ResultsStore
from dalbt_ray.results.storage import local_disk as local
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
    """Its marker names another host, so only silence tells that it is gone."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    (tmp_path / "lease.lock").write_text(
        "filelock/2\npid=4242\nhost=node7\nmode=lease\ntoken=0123456789abcdef0123456789abcdef\nduration=1.0\n"
    )
    with caplog.at_level(logging.WARNING), store.lease(Patience(heartbeat=0.1, watch=0.2, expiry=1.0)):
        pass
    assert "gives no sign of life (host node7, pid 4242" in caplog.text


def test_a_driver_that_lost_its_lease_knows(tmp_path: Path) -> None:
    """Somebody removed the marker: `lost` turns true by the heartbeat."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    with store.lease(Patience(heartbeat=0.05, watch=0.2, expiry=1.0)) as lease:
        (tmp_path / "lease.lock").unlink()
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


def test_a_journal_cleared_while_a_twin_writes_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin published and removed the folder between our making it and our rename: we make it again."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    cleared = []

    def clear_first(staged: Path, target: Path) -> bool:
        if not cleared:
            cleared.append(target)
            target.parent.rmdir()
        return link(staged, target)

    link = local._link
    monkeypatch.setattr(local, "_link", clear_first)
    store.journal(identity(0)).commit(0, record(0))
    assert cleared
    assert store.journal(identity(0)).rounds() == [record(0)]


def test_a_round_whose_journal_was_cleared_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin had committed our round already, and removed it before we could compare."""
    store = ResultsStore(tmp_path)
    store.create_or_open({})
    monkeypatch.setattr(local, "_link", lambda *_: False)
    store.journal(identity(0)).commit(0, record(0))
    assert store.journal(identity(0)).rounds() == []


def test_many_threads_publish_the_same_trials(tmp_path: Path) -> None:
    """Even without any lease: the tables are correct and each trial is there once."""
    stores = [ResultsStore(tmp_path) for _ in range(4)]
    stores[0].create_or_open({})
    errors: list[BaseException] = []

    def work(store: ResultsStore) -> None:
        try:
            for number in range(6):
                run_trial(store, number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    run_all = ResultsStore(tmp_path / "alone")
    run_all.create_or_open({})
    for number in range(6):
        name = run_trial(run_all, number)
        for table in ("rounds", "selections", "timings"):
            one, other = (root / table / f"{name}.parquet" for root in (tmp_path, tmp_path / "alone"))
            assert one.read_bytes() == other.read_bytes()
