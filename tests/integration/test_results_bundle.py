"""A bundle is the same trials in a few files, wherever the single files are; nothing of it is lost or mixed."""

import shutil
from hashlib import sha256
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from dalbt_ray.cli import main
from dalbt_ray.errors import InputError
from dalbt_ray.results import (
    ConflictError,
    ResultsStore,
    compact,
    gather,
    load_manifests,
    load_results,
    verify,
)
from dalbt_ray.results.joined_folders import Gathered
from dalbt_ray.results.manifest_lines import PACKED, lines_of, pack
from dalbt_ray.results.storage.sealed import unseal
from tests.results_records import (
    changed,
    file_hashes,
    identity,
    record,
    records,
    rewrite,
    run_trial,
    three_trials,
)

TABLES = ("rounds", "selections", "timings")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three finished trials of different lengths."""
    return three_trials(tmp_path / "results")


def same(one: Path, other: Path) -> bool:
    """Whether two folders read the same: the four frames and the manifests."""
    left, right = load_results(one), load_results(other)
    frames = all(getattr(left, name).equals(getattr(right, name)) for name in (*TABLES, "trials"))
    return frames and load_manifests(one) == load_manifests(other)


def test_a_bundle_of_its_own_reads_like_the_folder(root: Path, tmp_path: Path) -> None:
    """`--out`: six files; frames, manifests, commits and progress as from the single files."""
    before = file_hashes(root)
    assert gather([root], tmp_path / "study") == Gathered(trials=3, shared=0)
    assert file_hashes(root) == before
    assert set(file_hashes(tmp_path / "study")) == {
        "sweep.json", "bundle/index.json", "bundle/trials.jsonl.zst",
        *(f"bundle/{table}.parquet" for table in TABLES)
    }  # fmt: skip
    assert same(root, tmp_path / "study")
    one, other = ResultsStore(root), ResultsStore(tmp_path / "study")
    assert one.committed() == other.committed()
    assert one.published_rounds() == other.published_rounds()
    assert one.manifest(identity(1)) == other.manifest(identity(1))
    report = verify(tmp_path / "study")
    assert (report.trials, report.damaged, report.refused) == (3, (), ())


def test_equal_trials_give_equal_bytes(root: Path, tmp_path: Path) -> None:
    """Also from a bundle and single files together: a study in a repository changes only with its trials."""
    gather([root], tmp_path / "one")
    compact(root)
    shutil.rmtree(root / "trials")
    gather([root], tmp_path / "two")
    assert file_hashes(tmp_path / "one") == file_hashes(tmp_path / "two")


def test_other_programs_read_it(root: Path) -> None:
    """Its encodings are known to pandas, DuckDB and Polars."""
    compact(root)
    for table in TABLES:
        expected = getattr(load_results(root), table)
        file = root / "bundle" / f"{table}.parquet"
        assert len(pd.read_parquet(file)) == len(expected)
        names = ", ".join(expected.columns)
        rows = sorted(
            map(
                repr, expected.astype(object).where(expected.notna(), None).itertuples(index=False, name=None)
            )
        )
        assert sorted(map(repr, pl.read_parquet(file).select(expected.columns).iter_rows())) == rows
        assert sorted(map(repr, duckdb.sql(f"select {names} from '{file}'").fetchall())) == rows


def test_trials_published_later_are_read_with_it(root: Path) -> None:
    """Bundle and single files are one folder, with and without those that are in both."""
    compact(root)
    run_trial(ResultsStore(root), 7)
    whole = load_results(root)
    assert whole.rounds.groupby("trial_id").size().to_dict() == {
        identity(0): 2, identity(1): 3, identity(2): 4, identity(7): 3
    }  # fmt: skip
    for folder in ("trials", *TABLES):
        (root / folder / f"{identity(0)}.{'json' if folder == 'trials' else 'parquet'}").unlink()
    assert load_results(root).rounds.equals(whole.rounds)
    assert not verify(root).damaged
    assert compact(root) == 4


def test_a_trial_of_a_bundle_is_never_run_again(root: Path, tmp_path: Path) -> None:
    """Published again: nothing is written. With another result: refused."""
    study = tmp_path / "study"
    gather([root], study)
    before = file_hashes(study)
    store = ResultsStore(study)
    store.publish(identity(1), {}, records(3, host="elsewhere"))
    with pytest.raises(ConflictError, match=r"rounds\[0\]\.test_nll was 1\.25 and is now 2\.0"):
        store.publish(identity(1), {}, [changed(record(0), test_nll=2.0), *records(3)[1:]])
    assert file_hashes(study) == before


@pytest.mark.parametrize("file", ["index.json", "trials.jsonl.zst", "selections.parquet"])
def test_a_damaged_bundle_goes_to_quarantine_alone(file: str, root: Path) -> None:
    """The single files stay and serve; trials that were in the bundle only are run again."""
    compact(root)
    for folder in ("trials", *TABLES):
        (root / folder / f"{identity(0)}.{'json' if folder == 'trials' else 'parquet'}").unlink()
    single = {name: value for name, value in file_hashes(root).items() if not name.startswith("bundle/")}
    data = (root / "bundle" / file).read_bytes()
    (root / "bundle" / file).write_bytes(data[:99] + bytes([data[99] ^ 1]) + data[100:])
    with pytest.raises(InputError, match="dalbt verify"):
        load_results(root)
    report = verify(root)
    assert {finding.file for finding in report.damaged} == {"bundle/"}
    assert report.redo == {identity(0)}
    del single[f"index/{identity(0)}.json"]  # what should exist of it is nothing now
    assert {
        name: value for name, value in file_hashes(root).items() if not name.startswith("quarantine/")
    } == single
    assert ResultsStore(root).committed() == {identity(1), identity(2)}
    assert not verify(root).damaged


def test_a_bundle_replaces_the_damaged_single_files_of_a_trial(root: Path) -> None:
    """They go to quarantine; the trial is still there and is not run again."""
    compact(root)
    whole = load_results(root)
    (root / "rounds" / f"{identity(1)}.parquet").write_bytes(b"PAR1")
    report = verify(root)
    assert [finding.file for finding in report.damaged] == [f"rounds/{identity(1)}.parquet"]
    assert report.redo == frozenset()
    assert load_results(root).rounds.equals(whole.rounds)


def test_a_crash_while_a_bundle_is_replaced_loses_nothing(root: Path, tmp_path: Path) -> None:
    """A staged bundle counts once it has its index, whatever the other one looks like then."""
    compact(root)
    run_trial(ResultsStore(root), 7)
    gather([root], tmp_path / "newer")
    whole = load_results(root)
    for folder in ("trials", *TABLES):
        shutil.rmtree(root / folder)
    shutil.copytree(tmp_path / "newer" / "bundle", root / "bundle.new")
    (root / "bundle" / "rounds.parquet").write_bytes(b"half")
    assert load_results(root).rounds.equals(whole.rounds)
    assert not verify(root).damaged
    compact(root)
    assert not (root / "bundle.new").exists()
    assert same(root, tmp_path / "newer")


def test_verify_compares_the_tables_of_a_bundle_with_its_manifests(root: Path) -> None:
    """Whole files of two bundles, under one index: nothing is moved, and it is said."""
    compact(root)
    lines = lines_of({identity(number): load_manifests(root)[identity(number)] for number in range(2)})
    index, packed = root / "bundle" / "index.json", pack(lines)
    (root / "bundle" / PACKED).write_bytes(packed)
    files = unseal("bundle", index.read_bytes())["files"] | {PACKED: sha256(packed).hexdigest()}
    rewrite(index, "bundle", {"files": files, "unpacked_bytes": len(lines)})
    report = verify(root)
    assert not report.damaged
    assert {finding.problem for finding in report.refused} == {
        f"has rows of {table!r} of a trial without a manifest" for table in TABLES
    }


class TestCommand:
    """`dalbt compact`."""

    def test_a_folder_that_is_not_there_is_not_made(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Wrong input, exit status 2, nothing created."""
        for arguments in ([], ["--out", str(tmp_path / "out")]):
            assert main(["compact", str(tmp_path / "nope"), *arguments]) == 2
            assert "is not a results folder" in capsys.readouterr().err
            assert list(tmp_path.iterdir()) == []

    def test_it_says_what_it_wrote(
        self, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """In place, and elsewhere; a folder with something in it is no place."""
        assert main(["compact", str(root)]) == 0
        assert capsys.readouterr().out == f"{root}/bundle has 3 trials\n"
        assert main(["compact", str(root), "--out", str(tmp_path / "study")]) == 0
        assert main(["compact", str(root), "--out", str(tmp_path / "study")]) == 2
        assert "is not empty" in capsys.readouterr().err

    def test_a_folder_in_use_is_refused(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A sweep that runs may continue a trial at any moment."""
        with ResultsStore(root).lease():
            assert main(["compact", str(root)]) == 2
        assert "pid" in capsys.readouterr().err
        assert not (root / "bundle").exists()
