"""The commit of a finished trial."""

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest

from dalbt_ray.results import ConflictError, load_manifests
from tests.results_records import changed, config, file_hashes, identity, opened, record, records, run_trial


def test_publishing_again_changes_nothing(tmp_path: Path) -> None:
    """Also with other clocks: the first ones stay, as the manifest lists them."""
    store = opened(tmp_path)
    name = run_trial(store, 0)
    before = file_hashes(tmp_path)
    store.publish(name, {"config": config(0, 3)}, records(host="elsewhere"))
    assert file_hashes(tmp_path) == before


def test_another_result_for_the_same_trial_is_refused(tmp_path: Path) -> None:
    """And nothing is overwritten."""
    store = opened(tmp_path)
    name = run_trial(store, 0)
    before = file_hashes(tmp_path)
    other = [record(0), changed(record(1), test_accuracy=0.99), record(2)]
    message = (
        rf"trial {name} is committed with another result: rounds\[1\]\.test_accuracy was 0.51 and is now 0.99"
    )
    with pytest.raises(ConflictError, match=message):
        store.publish(name, {}, other)
    assert file_hashes(tmp_path) == before


def test_a_twins_timings_stay(tmp_path: Path) -> None:
    """Two drivers publish one trial at once: one's manifest must fit the timings that lie there in the end."""
    store = opened(tmp_path)
    name = identity(0)
    store.publish(name, {}, records(host="twin"))
    (tmp_path / "trials" / f"{name}.json").unlink()  # the twin is about to write it
    store.publish(name, {}, records(host="mine"))
    listed = load_manifests(tmp_path)[name]["files"]["timings"]["sha256"]
    assert listed == sha256((tmp_path / "timings" / f"{name}.parquet").read_bytes()).hexdigest()


@pytest.mark.parametrize("table", ["rounds", "selections", "timings"])
def test_a_damaged_orphan_is_replaced(table: str, tmp_path: Path) -> None:
    """A table file without a manifest, left by whatever crash, is no obstacle."""
    store = opened(tmp_path / "a")
    (tmp_path / "a" / table).mkdir()
    (tmp_path / "a" / table / f"{identity(0)}.parquet").write_bytes(b"PAR1 torn")
    run_trial(store, 0)
    run_trial(opened(tmp_path / "b"), 0)
    left, right = file_hashes(tmp_path / "a"), file_hashes(tmp_path / "b")
    assert left.pop("sweep.json")
    assert right.pop("sweep.json")
    assert left == right


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT and some cluster file systems: the same files, and a name that is taken is still not overwritten."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    store = opened(tmp_path)
    run_trial(store, 0)
    before = file_hashes(tmp_path)
    assert not store.storage.create(f"trials/{identity(0)}.json", b"other")
    assert file_hashes(tmp_path) == before
