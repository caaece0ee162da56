"""The same promises in an object store: moto's S3 on loopback, by fsspec."""

import os
import socket
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import (
    ConflictError,
    Patience,
    ResultsStore,
    compact,
    load_manifests,
    load_results,
    verify,
)
from dalbt_ray.results.storage.object_store import RemoteStorage
from dalbt_ray.results.storage.process_identity import this_process
from dalbt_ray.results.storage.sealed import seal
from tests.results_records import changed, identity, record, records, run_trial

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::ResourceWarning")


@pytest.fixture
def root(bucket: str, request: pytest.FixtureRequest) -> str:
    """A prefix of its own for each test."""
    return f"{bucket}/{request.node.name}"


def opened(root: str) -> ResultsStore:
    """A new results prefix."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": "s3"})
    return store


def test_a_trial_is_the_same_there_as_on_a_disk(root: str, tmp_path: Path) -> None:
    """The same deterministic bytes, the same frames, the journal cleared."""
    store, local = opened(root), ResultsStore(tmp_path)
    local.create_or_open({})
    name = run_trial(store, 0)
    run_trial(local, 0)
    for table in ("rounds", "selections"):
        assert (
            store.storage.read(f"{table}/{name}.parquet")
            == (tmp_path / table / f"{name}.parquet").read_bytes()
        )
    assert load_results(root).rounds.equals(load_results(tmp_path).rounds)
    assert store.committed() == {name}
    assert store.unfinished() == {}
    assert not verify(root).damaged
    assert compact(root) == 1
    assert load_results(root).selections.equals(load_results(tmp_path).selections)


def test_a_trial_goes_on_from_its_journal(root: str) -> None:
    """Rounds committed by one process are seen by the next, and running trials can be read."""
    opened(root).journal(identity(0)).commit(0, record(0))
    store = ResultsStore(root)
    assert store.journal(identity(0)).rounds() == [record(0)]
    assert len(load_results(root, include_running=True).rounds) == 1
    run_trial(store, 0)
    assert len(load_results(root, include_running=True).rounds) == 3


def test_what_is_there_is_never_overwritten(root: str) -> None:
    """Equal bytes again: success. Other bytes for the same trial: an error, and the first ones stay."""
    store = opened(root)
    name = run_trial(store, 0)
    before = {
        table: store.storage.read(f"{table}/{name}.parquet") for table in ("rounds", "selections", "timings")
    }
    store.publish(name, {"config": {}}, records(host="elsewhere"))
    with pytest.raises(ConflictError):
        store.publish(name, {}, [changed(record(0), test_nll=2.0), record(1), record(2)])
    assert before == {table: store.storage.read(f"{table}/{name}.parquet") for table in before}
    assert not store.storage.create(f"trials/{name}.json", b"{}")
    assert load_manifests(root)[name]["files"]["rounds"]["sha256"] == sha256(before["rounds"]).hexdigest()


def test_a_damaged_object_is_found_and_redone(root: str) -> None:
    """One flipped bit: the loader refuses, `verify` moves the trial away, running it again heals."""
    store = opened(root)
    name = run_trial(store, 0)
    file = f"rounds/{name}.parquet"
    data = store.storage.read(file)
    store.storage.write(file, data[:300] + bytes([data[300] ^ 4]) + data[301:])
    with pytest.raises(InputError, match="dalbt verify"):
        load_results(root)
    report = verify(root)
    assert [finding.file for finding in report.damaged] == [file]
    assert store.committed() == set()
    run_trial(store, 0)
    assert store.storage.read(file) == data
    assert not verify(root).damaged


def test_one_driver_at_a_time(root: str) -> None:
    """A living owner is named; one that left makes room; one that died here is replaced at once."""
    patience = Patience(heartbeat=0.1, watch=1.0, expiry=30.0)
    store = opened(root)
    with store.lease(patience) as lease:
        with pytest.raises(InputError) as refused, ResultsStore(root).lease(patience):
            pass
        assert f"host {socket.gethostname()}, pid {os.getpid()}, since 2" in str(refused.value)
        assert not lease.lost
    with store.lease(patience):
        pass
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    gone = asdict(replace(this_process(), pid=child))
    card = seal("lease", gone | {"since_utc": "2026", "token": "gone", "beat": 3})
    store.storage.write("lease/00000009.json", card)
    with store.lease(patience) as lease:
        assert lease.generation == 10


def test_a_lost_lease_is_noticed(root: str) -> None:
    """Somebody else's is the next generation."""
    store = opened(root)
    with store.lease(Patience(heartbeat=0.05, watch=1.0, expiry=30.0)) as lease:
        store.storage.write("lease/00000002.json", b"another's")
        assert lease.wait_lost(timeout=30)
    assert store.storage.read("lease/00000002.json") == b"another's"


def test_a_put_that_arrives_twice_makes_nobody_lose(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to a conditional put was lost, and its repetition finds the name taken, by itself."""
    store = opened(root)
    create = RemoteStorage.create

    def twice(storage: RemoteStorage, name: str, data: bytes) -> bool:
        create(storage, name, data)
        return create(storage, name, data)

    monkeypatch.setattr(RemoteStorage, "create", twice)
    with store.lease(Patience(heartbeat=0.1, watch=1.0, expiry=30.0)):
        name = run_trial(store, 0)
    assert store.committed() == {name}
    assert not verify(root).damaged


def test_a_bucket_that_is_not_there(bucket: str) -> None:
    """Refused by name, before anything runs."""
    with pytest.raises(InputError, match="results: 's3://nowhere/x' cannot be written"):
        ResultsStore("s3://nowhere/x").create_or_open({})
