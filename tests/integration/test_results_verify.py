"""Damage of every kind is found, moved away and redone; nothing in a results folder can harm its reader."""

import pickle
import random
import shutil
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import ResultsStore, compact, load_manifests, load_results, verify
from dalbt_ray.results.parquet_form import decode, encode
from dalbt_ray.results.schemas import to_table
from dalbt_ray.results.storage.sealed import seal
from tests.results_records import config, identity, in_memory, record, rewrite, run_trial

TABLES = ("rounds", "selections", "timings")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three finished trials, two of them in a bundle as well; one running, one failed."""
    folder = tmp_path / "results"
    store = ResultsStore(folder)
    store.create_or_open({"sweep": "verify"})
    for number in (0, 2):
        run_trial(store, number)
    compact(folder)
    run_trial(store, 1)
    store.journal(identity(3)).begin(config(3, 4))
    store.journal(identity(3)).commit(0, record(0))
    store.journal(identity(3)).commit(1, record(1))
    store.record_error(identity(4), ValueError("no"))
    return folder


def files(root: Path) -> list[Path]:
    """Every file."""
    return [path for path in sorted(root.rglob("*")) if path.is_file()]


def test_a_whole_folder_has_no_finding(root: Path) -> None:
    """And nothing is touched."""
    before = {path: path.read_bytes() for path in files(root)}
    report = verify(root)
    assert (report.trials, report.rounds, report.damaged) == (3, 2, ())
    assert {path: path.read_bytes() for path in files(root)} == before


def test_a_thousand_bit_flips_are_all_found(root: Path, tmp_path: Path) -> None:
    """Each in a fresh copy, in any file: the finding names the file. Every fourth is also loaded: no wrong number."""
    rng = random.Random(1)
    whole = load_results(root, include_running=True).rounds
    data = {path.relative_to(root): path.read_bytes() for path in files(root)}
    names = sorted(
        name for name in data if name.parts[0] != "lease"
    )  # no result; the next driver writes a new one
    with in_memory(tmp_path) as folder:
        for flip in range(1000):
            name, copy = rng.choice(names), folder / "copy"
            altered = bytearray(data[name])
            altered[rng.randrange(len(altered))] ^= 1 << rng.randrange(8)
            shutil.rmtree(copy, ignore_errors=True)
            for other, content in data.items():
                (copy / other).parent.mkdir(parents=True, exist_ok=True)
                (copy / other).write_bytes(bytes(altered) if other == name else content)
            if flip % 4 == 0:
                assert no_wrong_number(copy, whole), name
            found = {finding.file for finding in verify(copy).damaged}
            assert str(name) in found or (name.parts[0] == "bundle" and "bundle/" in found), name


def no_wrong_number(root: Path, whole: pd.DataFrame) -> bool:
    """Whether the loader refuses, or shows rows of `whole` only."""
    try:
        seen = load_results(root, include_running=True).rounds
    except InputError:
        return True
    # A damaged round of the running trial ends its journal: it and what follows it are not shown.
    joined = whole.merge(seen, how="right", indicator=True)
    return len(whole) - len(seen) <= 2 and bool((joined["_merge"] == "both").all())


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("damage", ["torn", "empty", "missing", "swapped"])
def test_a_damaged_trial_is_redone_and_the_others_stay(table: str, damage: str, root: Path) -> None:
    """It moves to quarantine as a whole; the same command again gives the same deterministic files."""
    name, others = identity(1), {identity(0), identity(2)}
    before = {path: path.read_bytes() for path in files(root) if path.parts[-2] in ("rounds", "selections")}
    file = root / table / f"{name}.parquet"
    content = {
        "torn": file.read_bytes()[:-30],
        "empty": b"",
        "swapped": (root / table / f"{identity(0)}.parquet").read_bytes(),
    }
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content[damage])
    report = verify(root)
    assert report.redo == {name}
    assert f"{table}/{name}.parquet" in {finding.file for finding in report.damaged}
    store = ResultsStore(root)
    assert store.committed() == others
    assert not list(root.glob(f"*/{name}.parquet"))
    assert (Path(report.quarantine) / "trials" / f"{name}.json").exists()
    assert not verify(root).damaged
    run_trial(store, 1)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("table", TABLES)
def test_rows_that_contradict_each_other_are_told_and_stay(table: str, root: Path) -> None:
    """The bytes are those that were written: a person has to look."""
    relist(root, identity(1), table)
    before = {path: path.read_bytes() for path in files(root)}
    report = verify(root)
    assert [(finding.file, "two rows" in finding.problem) for finding in report.refused] == [
        (f"{table}/{identity(1)}.parquet", True)
    ]
    assert (report.damaged, report.redo, report.quarantine) == ((), frozenset(), "")
    assert {path: path.read_bytes() for path in files(root)} == before


def relist(root: Path, name: str, table: str) -> None:
    """Write a table with its first row twice, and a manifest that lists it as it is: only the rows are wrong."""
    file = root / table / f"{name}.parquet"
    rows = decode(table, file.read_bytes()).to_pylist()  # type: ignore[arg-type]
    data = encode(to_table(table, [rows[0], *rows]))  # type: ignore[arg-type]
    file.write_bytes(data)
    manifest = load_manifests(root)[name]
    manifest["files"][table] |= {
        "rows": len(rows) + 1,
        "bytes": len(data),
        "sha256": sha256(data).hexdigest(),
    }
    (root / "trials" / f"{name}.json").write_bytes(seal("trial", manifest))
    (root / "index" / f"{name}.json").unlink()


def test_what_does_not_belong_is_moved_away(root: Path) -> None:
    """Files that break anyone who reads a table folder, and tables of trials that were never published."""
    orphan = f"rounds/{'e' * 16}.parquet"
    strangers = [
        "rounds/copy of x.parquet",
        "rounds/.tmp-x.parquet",
        "timings/manifest.json",
        orphan,
        "trials/a.txt",
    ]
    for name in strangers:
        (root / name).write_bytes(b"x")
    (root / "rounds" / ".ipynb_checkpoints").mkdir()
    report = verify(root)
    assert {finding.file for finding in report.damaged} == {*strangers, "rounds/.ipynb_checkpoints/"}
    assert all(not (root / name).exists() for name in strangers)
    assert ResultsStore(root).committed() == {identity(number) for number in range(3)}
    assert not verify(root).damaged


def test_tables_of_a_trial_that_is_being_published_are_no_orphans(root: Path) -> None:
    """Its journal is there until its manifest is."""
    (root / "rounds" / f"{identity(3)}.parquet").write_bytes(
        (root / "rounds" / f"{identity(0)}.parquet").read_bytes()
    )
    assert not verify(root).damaged


def test_a_damaged_sweep_json_is_written_anew(root: Path) -> None:
    """Verify moves it away; the sweep's own command makes it again and finds its trials."""
    (root / "sweep.json").write_bytes(b'{"format": "dalbt-results"')
    assert [finding.file for finding in verify(root).damaged] == ["sweep.json"]
    store = ResultsStore(root)
    store.create_or_open({"sweep": "verify"})
    assert len(store.committed()) == 3
    assert len(load_results(root).rounds) == 9


def test_a_hostile_folder_does_nothing(root: Path, tmp_path: Path) -> None:
    """A pickle, a link out of the tree, a manifest with a path of its own: nothing is run, written or believed."""
    target = tmp_path / "executed"
    secret = tmp_path / "secret.parquet"
    secret.write_bytes((root / "rounds" / f"{identity(0)}.parquet").read_bytes())

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (target,))

    (root / "trials" / f"{'a' * 16}.json").write_bytes(pickle.dumps(Bomb()))
    strange = root / "trials" / f"{'b' * 16}.json"
    strange.write_bytes(seal("trial", {"trial_id": "b" * 16, "files": 3}))
    manifest = ResultsStore(root).manifest(identity(0))
    manifest["files"]["rounds"]["path"] = "../secret.parquet"
    (root / "trials" / f"{identity(0)}.json").write_bytes(seal("trial", manifest))
    link = root / "rounds" / f"{identity(1)}.parquet"
    link.unlink()
    link.symlink_to(secret)
    with pytest.raises(InputError):
        load_results(root)
    report = verify(root)
    assert report.redo == {"a" * 16, identity(1)}
    # These are whole, one of no known form, one not what was committed: a person's to remove.
    assert {finding.file for finding in report.refused} == {
        f"trials/{'b' * 16}.json",
        f"trials/{identity(0)}.json",
    }
    assert not target.exists()
    assert secret.exists()
    assert not link.is_symlink()
    strange.unlink()
    assert set(load_results(root).rounds["trial_id"]) == {identity(0), identity(2)}


NEWER = {
    "trials/{}.json": "trial",
    "progress/{}/0001.json": "round",
    "progress/{}/trial.json": "running",
    "errors/{}.json": "error",
    "bundle/index.json": "bundle",
}


@pytest.mark.parametrize("name", NEWER)
def test_a_newer_format_is_refused_untouched(name: str, root: Path) -> None:
    """Whatever file it is: `verify` names it and moves nothing, and anyone who needs it is told what to do."""
    number = {"trials": 1, "progress": 3, "errors": 4, "bundle": 0}[name.split("/", maxsplit=1)[0]]
    file = root / name.format(identity(number))
    rewrite(file, NEWER[name], {"colour": "new"}, version=2)
    before = {path: path.read_bytes() for path in files(root)}
    report = verify(root)
    assert len(report.refused) == 1
    assert file.is_relative_to(root / report.refused[0].file)
    assert "has version 2 of the format; this program knows version 1" in str(report)
    assert not report.damaged
    if not name.endswith("/trial.json") and not name.startswith("errors/"):  # these serve readers only
        with pytest.raises(InputError, match="install the dalbt-ray that wrote it, or a newer one"):
            load_results(root, include_running=True)
    if name.endswith("0001.json"):
        with pytest.raises(InputError, match="newer one"):
            ResultsStore(root).journal(identity(3)).rounds()
    assert {path: path.read_bytes() for path in files(root)} == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """Nothing of it is moved."""
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="is not a results folder"):
        verify(tmp_path)
    with pytest.raises(InputError, match=r"has no sweep\.json; name the folder that a sweep wrote"):
        load_results(tmp_path)
    assert (tmp_path / "thesis.tex").exists()
    ResultsStore(tmp_path / "inside").create_or_open({})
    with pytest.raises(InputError, match=f"name one inside: {tmp_path}/inside$"):
        load_results(tmp_path)
