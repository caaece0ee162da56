"""The store on a local disk: what lies where, opening it again, failures."""

import pickle
from hashlib import sha256
from pathlib import Path

import pytest

from dalbt_ray.results import ResultsStore, load_manifests
from tests.results_records import config, file_hashes, identity, opened, records, run_trial


def test_only_parquet_lies_in_the_table_folders(tmp_path: Path) -> None:
    """One file a trial and table, one manifest, nothing left in staging or in the journal."""
    name = run_trial(opened(tmp_path), 0)
    assert set(file_hashes(tmp_path)) == {
        "sweep.json",
        f"trials/{name}.json",
        f"index/{name}.json",
        f"rounds/{name}.parquet",
        f"selections/{name}.parquet",
        f"timings/{name}.parquet",
    }


def test_the_manifest_lists_the_files_as_they_are(tmp_path: Path) -> None:
    """Hash, rows and bytes, beside what the caller recorded."""
    name = run_trial(opened(tmp_path), 0)
    manifest = load_manifests(tmp_path)[name]
    assert manifest["config"] == config(0, 3)
    assert manifest["next_query"] == records()[2].to_json()["query"]
    for table, rows in (("rounds", 3), ("selections", 6), ("timings", 3)):
        data = (tmp_path / table / f"{name}.parquet").read_bytes()
        assert manifest["files"][table] == {
            "path": f"{table}/{name}.parquet",
            "rows": rows,
            "bytes": len(data),
            "sha256": sha256(data).hexdigest(),
        }


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    """The same sweep twice changes nothing; a grown grid keeps the time of the first start."""
    run_trial(opened(tmp_path), 0)
    before = file_hashes(tmp_path)
    ResultsStore(tmp_path).create_or_open({"sweep": "test"})
    assert file_hashes(tmp_path) == before
    ResultsStore(tmp_path).create_or_open({"sweep": "test", "trials": 9})
    assert {key: value for key, value in file_hashes(tmp_path).items() if key != "sweep.json"} == {
        key: value for key, value in before.items() if key != "sweep.json"
    }


def test_a_relative_path_is_resolved_when_the_store_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers run in another folder; a store pickled to them must mean the same place."""
    monkeypatch.chdir(tmp_path)
    store = ResultsStore("results/x")
    monkeypatch.chdir("/")
    pickle.loads(pickle.dumps(store)).create_or_open({})
    assert (tmp_path / "results/x/sweep.json").exists()


def test_the_last_failure_is_kept_until_the_trial_is_published(tmp_path: Path) -> None:
    """Type, message, hint, the trace's last lines; then gone."""
    store = opened(tmp_path)
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 // len(store.committed())
    store.record_error(identity(0), caught.value, hint="fewer trials at once")
    failure = store.errors()[identity(0)]
    assert failure["type"] == "ZeroDivisionError"
    assert failure["message"] == "integer division or modulo by zero"
    assert failure["hint"] == "fewer trials at once"
    assert "1 // len(store.committed())" in "\n".join(failure["trace"])
    assert len(failure["trace"]) <= 40
    run_trial(store, 0)
    assert store.errors() == {}
