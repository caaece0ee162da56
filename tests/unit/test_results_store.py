"""The store on a local disk: opening, journals, publishing, failures."""

import errno
import os
import pickle
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalbt_ray.errors import InputError
from dalbt_ray.results import ConflictError, Record, ResultsStore, load_manifests
from dalbt_ray.results.records import Measure
from dalbt_ray.results.storage.sealed import seal
from tests.results_records import changed, config, identity, record, records, run_trial


def opened(root: Path) -> ResultsStore:
    """A new results folder."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": "test"})
    return store


def hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every file by name, without clocks."""
    return {
        str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_only_parquet_lies_in_the_table_folders(tmp_path: Path) -> None:
    """One file a trial and table, one manifest, nothing left in staging or in the journal."""
    name = run_trial(opened(tmp_path), 0)
    assert set(hashes(tmp_path)) == {
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
    before = hashes(tmp_path)
    ResultsStore(tmp_path).create_or_open({"sweep": "test"})
    assert hashes(tmp_path) == before
    ResultsStore(tmp_path).create_or_open({"sweep": "test", "trials": 9})
    assert {key: value for key, value in hashes(tmp_path).items() if key != "sweep.json"} == {
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


class TestRefusals:
    """Folders that no sweep may write to."""

    def test_a_file(self, tmp_path: Path) -> None:
        """A file where the folder should be, or above it."""
        (tmp_path / "file").write_text("x")
        for root in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(InputError, match=r"results: .*file"):
                ResultsStore(root).create_or_open({})
        with pytest.raises(InputError, match=r"results: .*Not a directory"):
            ResultsStore(tmp_path / "file").committed()

    def test_a_folder_of_something_else(self, tmp_path: Path) -> None:
        """Somebody's files are not to be mixed with ours."""
        (tmp_path / "thesis.tex").write_text("x")
        with pytest.raises(InputError, match=r"has 'thesis.tex' and no sweep.json"):
            ResultsStore(tmp_path).create_or_open({})

    def test_a_folder_of_another_format_or_version(self, tmp_path: Path) -> None:
        """A `sweep.json` of another program, and one of a later dalbt-ray."""
        file = tmp_path / "sweep.json"
        file.write_text('{"format": "wandb", "version": 1}')
        with pytest.raises(InputError, match="has the format 'wandb'"):
            ResultsStore(tmp_path).create_or_open({})
        file.write_bytes(seal("results", {}).replace(b'"version": 1', b'"version": 2'))
        with pytest.raises(InputError, match="version 2 of the format; this program knows version 1"):
            ResultsStore(tmp_path).create_or_open({})

    def test_a_damaged_sweep_json(self, tmp_path: Path) -> None:
        """Cut in the middle."""
        opened(tmp_path)
        file = tmp_path / "sweep.json"
        file.write_bytes(file.read_bytes()[:-20])
        with pytest.raises(InputError, match="dalbt verify"):
            ResultsStore(tmp_path).create_or_open({})

    def test_a_place_that_cannot_be_written(self) -> None:
        """Not even by root."""
        with pytest.raises(InputError, match="results: '/proc/dalbt' cannot be written"):
            ResultsStore("/proc/dalbt").create_or_open({})

    def test_a_table_folder_that_is_a_link(self, tmp_path: Path) -> None:
        """Nothing is written outside the results folder."""
        outside = tmp_path / "outside"
        outside.mkdir()
        store = opened(tmp_path / "results")
        (tmp_path / "results" / "rounds").symlink_to(outside)
        with pytest.raises(InputError, match="is a link"):
            run_trial(store, 0)
        assert not any(outside.iterdir())

    def test_a_name_that_leads_out(self, tmp_path: Path) -> None:
        """Whatever id is asked for."""
        store = opened(tmp_path / "results")
        for name in ("../out.json", "/etc/out", "rounds/../../out"):
            with pytest.raises(InputError, match="leads out"):
                store.storage.write(name, b"x")


class TestJournal:
    """Committed rounds of an unfinished trial."""

    def test_rounds_come_back(self, tmp_path: Path) -> None:
        """In order, equal, from another process's view of the folder."""
        journal = opened(tmp_path).journal(identity(0))
        assert journal.rounds() == []
        for index, committed in enumerate(records(5)):
            journal.commit(index, committed)
        assert ResultsStore(tmp_path).journal(identity(0)).rounds() == records(5)
        assert ResultsStore(tmp_path).unfinished() == {identity(0): 5}

    @given(
        st.lists(
            st.tuples(
                st.text(max_size=8),
                st.dictionaries(
                    st.text(max_size=8).map("measure {}".format),
                    st.floats(allow_nan=False, allow_infinity=False)
                    | st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
                    max_size=4,
                ),
            ),
            max_size=4,
        )
    )
    def test_any_value_comes_back(
        self, tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, dict[str, Measure]]]
    ) -> None:
        """Any text, any number to the last bit, any measure of a user's metric."""
        journal = ResultsStore(tmp_path_factory.mktemp("journal")).journal(identity(0))
        committed: list[Record] = []
        for note, measures in values:
            one = record(len(committed), **measures)
            committed.append(replace(one, row=replace(one.row, note=note)))
            journal.commit(len(committed) - 1, committed[-1])
        assert journal.rounds() == committed

    @pytest.mark.parametrize("damage", ["torn", "empty", "flipped", "missing", "swapped"])
    def test_a_damaged_round_ends_the_journal(
        self, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Rounds before it stay, it and later ones are removed and said, and the trial goes on to the same end."""
        store = opened(tmp_path / "damaged")
        journal, folder = store.journal(identity(0)), tmp_path / "damaged" / "progress" / identity(0)
        for index, committed in enumerate(records(5)[:4]):
            journal.commit(index, committed)
        file = folder / "0002.json"
        data = file.read_bytes()
        flipped = data[:200] + bytes([data[200] ^ 1]) + data[201:]
        content = {
            "torn": data[:-9],
            "empty": b"",
            "flipped": flipped,
            "swapped": (folder / "0001.json").read_bytes(),
        }
        if damage == "missing":
            file.unlink()
        else:
            file.write_bytes(content[damage])
        assert journal.rounds() == records(5)[:2]
        assert sorted(path.name for path in folder.iterdir()) == ["0000.json", "0001.json"]
        assert "the trial continues from round 2" in caplog.text
        name = run_trial(store, 0, rounds=5)
        run_trial(opened(tmp_path / "whole"), 0, rounds=5)
        for table in ("rounds", "selections"):
            one, other = (tmp_path / folder / table / f"{name}.parquet" for folder in ("damaged", "whole"))
            assert one.read_bytes() == other.read_bytes()

    def test_a_committed_round_never_changes(self, tmp_path: Path) -> None:
        """Committed again with other clocks: fine, the first stays. With another result: refused by name."""
        journal = opened(tmp_path).journal(identity(0))
        journal.commit(0, record(0, host="first"))
        journal.commit(0, record(0, host="second"))
        assert journal.rounds()[0].timing.host == "first"
        other = changed(record(0), test_accuracy=0.25)
        with pytest.raises(
            ConflictError, match=r"round 0 .* row\.measures\.test_accuracy was 0\.5 and is now 0\.25"
        ):
            journal.commit(0, other)
        assert journal.rounds() == [record(0, host="first")]


class TestPublish:
    """The commit of a finished trial."""

    def test_publishing_again_changes_nothing(self, tmp_path: Path) -> None:
        """Also with other clocks: the first ones stay, as the manifest lists them."""
        store = opened(tmp_path)
        name = run_trial(store, 0)
        before = hashes(tmp_path)
        store.publish(name, {"config": config(0, 3)}, records(host="elsewhere"))
        assert hashes(tmp_path) == before

    def test_another_result_for_the_same_trial_is_refused(self, tmp_path: Path) -> None:
        """And nothing is overwritten."""
        store = opened(tmp_path)
        name = run_trial(store, 0)
        before = hashes(tmp_path)
        other = [record(0), changed(record(1), test_accuracy=0.99), record(2)]
        message = rf"trial {name} is committed with another result: rounds\[1\]\.test_accuracy was 0.51 and is now 0.99"
        with pytest.raises(ConflictError, match=message):
            store.publish(name, {}, other)
        assert hashes(tmp_path) == before

    def test_a_twins_timings_stay(self, tmp_path: Path) -> None:
        """Two drivers publish one trial at once: one's manifest must fit the timings that lie there in the end."""
        store = opened(tmp_path)
        name = identity(0)
        store.publish(name, {}, records(host="twin"))
        (tmp_path / "trials" / f"{name}.json").unlink()  # the twin is about to write it
        store.publish(name, {}, records(host="mine"))
        listed = load_manifests(tmp_path)[name]["files"]["timings"]["sha256"]
        assert listed == sha256((tmp_path / "timings" / f"{name}.parquet").read_bytes()).hexdigest()

    @pytest.mark.parametrize("table", ["rounds", "selections", "timings"])
    def test_a_damaged_orphan_is_replaced(self, table: str, tmp_path: Path) -> None:
        """A table file without a manifest, left by whatever crash, is no obstacle."""
        store = opened(tmp_path / "a")
        (tmp_path / "a" / table).mkdir()
        (tmp_path / "a" / table / f"{identity(0)}.parquet").write_bytes(b"PAR1 torn")
        run_trial(store, 0)
        run_trial(opened(tmp_path / "b"), 0)
        left, right = hashes(tmp_path / "a"), hashes(tmp_path / "b")
        assert left.pop("sweep.json")
        assert right.pop("sweep.json")
        assert left == right

    def test_without_hard_links(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """FAT and some cluster file systems: the same files, and a name that is taken is still not overwritten."""

        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "no hard links here")

        monkeypatch.setattr(os, "link", refuse)
        store = opened(tmp_path)
        run_trial(store, 0)
        before = hashes(tmp_path)
        assert not store.storage.create(f"trials/{identity(0)}.json", b"other")
        assert hashes(tmp_path) == before


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
