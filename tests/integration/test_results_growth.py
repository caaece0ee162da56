"""The program grows, the results stay: columns, options and files that join later, and versions that are newer."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import ResultsStore, RoundRow, compact, load_manifests, load_results, records, verify
from dalbt_ray.results.parquet_form import decode, encode
from dalbt_ray.results.schemas import SCHEMAS
from tests.results_records import file_hashes, identity, record, rewrite, run_trial
from tests.results_records import records as invented


@dataclass(frozen=True, kw_only=True)
class LaterRow(RoundRow):
    """The row of a later version: two columns more."""

    weight_norm: float | None = None
    n_skipped: int | None = None


LATER = pa.schema(
    [*SCHEMAS["rounds"], pa.field("weight_norm", pa.float64()), pa.field("n_skipped", pa.int64())]
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder of today: a bundled trial, a single one, one in the middle, and one that is to be continued."""
    store = ResultsStore(tmp_path)
    store.create_or_open({"sweep": "growth"})
    run_trial(store, 0)
    compact(tmp_path)
    run_trial(store, 1)
    for index in range(2):
        store.journal(identity(2)).commit(index, record(index))
    return tmp_path


def test_two_more_columns_change_nothing_for_old_folders(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They load with nulls, verify clean, a half-run trial resumes, a finished one continues, all are one table."""
    before, files = load_results(old, include_running=True), file_hashes(old)
    monkeypatch.setitem(SCHEMAS, "rounds", LATER)
    monkeypatch.setattr(records, "RoundRow", LaterRow)
    monkeypatch.setattr("dalbt_ray.results.table_rows.RoundRow", LaterRow)
    after = load_results(old, include_running=True)
    assert after.rounds[list(before.rounds.columns)].equals(before.rounds)
    assert after.rounds[["weight_norm", "n_skipped"]].isna().all(axis=None)
    assert after.rounds["n_skipped"].dtype == "Int64"
    report = verify(old)
    assert (report.damaged, report.refused) == ((), ())
    assert file_hashes(old) == files
    store = ResultsStore(old)
    resumed = store.journal(identity(2)).rounds()
    assert [each.row.round for each in resumed] == [0, 1]
    later = record(2)
    row = LaterRow(**{**vars(later.row), "weight_norm": 1.5, "n_skipped": 7})
    store.journal(identity(2)).commit(0, resumed[0])  # a twin commits the old round again, with nulls in it
    store.journal(identity(2)).commit(2, replace(later, row=row))
    for number in (0, 1, 2):
        run_trial(store, number, rounds=4)
    found = load_results(old).rounds
    assert found.groupby("trial_id").size().tolist() == [4, 4, 4]
    assert found["weight_norm"].dropna().tolist() == [1.5]
    assert found["n_skipped"].dropna().tolist() == [7]
    assert not verify(old).damaged
    compact(old)
    assert load_results(old).rounds.equals(found)


def later_file(root: Path, number: int, found: pa.Table) -> None:
    """A table `rounds` as another version wrote it, listed in the manifest as it is."""
    data, name = encode(found), identity(number)
    (root / "rounds" / f"{name}.parquet").write_bytes(data)
    listed = load_manifests(root)[name]["files"]
    listed["rounds"] |= {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
    rewrite(root / "trials" / f"{name}.json", "trial", {"files": listed})
    (root / "index" / f"{name}.json").unlink()  # that version had its own, or none


def test_columns_of_a_later_version_are_kept(old: Path) -> None:
    """In the frames and in a bundle; trials without them have nulls."""
    file = old / "rounds" / f"{identity(1)}.parquet"
    today = decode("rounds", file.read_bytes())
    later_file(old, 1, today.append_column("cooled_by", pa.array(["water"] * 3)))
    found = load_results(old).rounds
    assert found["cooled_by"].dropna().tolist() == ["water"] * 3
    report = verify(old)
    assert (report.damaged, report.refused) == ((), ())
    compact(old)
    assert load_results(old).rounds["cooled_by"].dropna().tolist() == ["water"] * 3
    with pytest.raises(InputError, match="has the column 'cooled_by', which this version cannot continue"):
        ResultsStore(old).reopen(identity(1))
    assert identity(1) in ResultsStore(old).committed()


@pytest.mark.parametrize("change", ["dropped", "retyped"])
def test_a_table_that_this_version_cannot_read_is_refused_untouched(change: str, old: Path) -> None:
    """A required column is gone, or of another type: the bytes are what was written, so nothing is damaged."""
    today = decode("rounds", (old / "rounds" / f"{identity(1)}.parquet").read_bytes())
    place = today.column_names.index("n_labeled")
    texts = pa.array([str(value) for value in today["n_labeled"].to_pylist()])
    later = today.remove_column(place)
    later_file(old, 1, later if change == "dropped" else later.add_column(place, "n_labeled", texts))
    before = file_hashes(old)
    with pytest.raises(InputError, match=r"column 'n_labeled'.*install the dalbt-ray that wrote it"):
        load_results(old)
    report = verify(old)
    assert [finding.file for finding in report.refused] == [f"rounds/{identity(1)}.parquet"]
    assert report.damaged == ()
    assert file_hashes(old) == before


def test_a_round_of_a_later_version_is_refused_untouched(old: Path) -> None:
    """A half-run trial goes on with the version that began it; its rounds are not run again by this one."""
    file = old / "progress" / identity(2) / "0001.json"
    content = invented()[1].to_json()
    content["row"]["cooled_by"] = "water"
    rewrite(file, "round", {"record": content})
    before = file_hashes(old)
    with pytest.raises(InputError, match="'cooled_by', which this version does not know"):
        ResultsStore(old).journal(identity(2)).rounds()
    assert [finding.file for finding in verify(old).refused] == [f"progress/{identity(2)}/"]
    assert file_hashes(old) == before


def test_what_a_manifest_says_beyond_what_is_known_is_kept(old: Path) -> None:
    """In `load_manifests`, and through a bundle."""
    rewrite(old / "trials" / f"{identity(1)}.json", "trial", {"cooled_by": ["water", {"litres": 3}]})
    assert load_manifests(old)[identity(1)]["cooled_by"] == ["water", {"litres": 3}]
    compact(old)
    assert load_manifests(old)[identity(1)]["cooled_by"] == ["water", {"litres": 3}]
