"""Two drivers that write the same trial at once, lease or not: what one of them clears or commits harms no other."""

import threading
from pathlib import Path

import pytest

from dalbt_ray.results import ResultsStore
from dalbt_ray.results.storage import local_disk as local
from tests.results_records import identity, record, run_trial


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
