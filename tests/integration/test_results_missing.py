"""What should exist and does not, what is whole and not what was committed, and what merely looks damaged."""

import errno
import random
import shutil
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import pytest

from dalbt_ray.results import ResultsStore, compact, gather, load_manifests, load_results, verify
from dalbt_ray.results.schemas import TABLES
from dalbt_ray.results.storage import local_disk
from dalbt_ray.results.storage.sealed import seal, unseal
from dalbt_ray.trial.manifest import identify
from tests.results_records import changed, config, identity, in_memory, record, records, rewrite, run_trial


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two finished trials, a running one of three rounds."""
    folder = tmp_path / "results"
    store = ResultsStore(folder)
    store.create_or_open({"sweep": "missing"})
    for number in (0, 1):
        run_trial(store, number)
    store.journal(identity(2)).begin(config(2, 5))
    for index in range(3):
        store.journal(identity(2)).commit(index, record(index))
    return folder


def listed(root: Path) -> list[Path]:
    """What a sweep writes and `verify` promises to miss: every file, and every folder of a trial."""
    found = [
        path
        for path in sorted(root.rglob("*.*"))
        if path.is_file() and path.parent.name not in ("index", "lease")
    ]
    return [*found, *sorted((root / "progress").iterdir())]


def test_every_deletion_is_found_and_healed(root: Path, tmp_path: Path) -> None:
    """Any file, and a whole journal; then the folder verifies clean, and the sweep runs again what is lost."""
    with in_memory(tmp_path) as folder:
        for victim in listed(root):
            if victim.name == "trial.json":
                continue  # it serves readers only, and the sweep writes it again
            copy = folder / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(root, copy)
            gone = copy / victim.relative_to(root)
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
            report = verify(copy)
            assert report.damaged, victim
            assert not report.refused, report
            assert not [each for each in verify(copy).damaged if each.file != "sweep.json"], victim
            store = ResultsStore(copy)
            store.create_or_open({"sweep": "missing"})
            for number, rounds in ((0, 3), (1, 3), (2, 5)):
                run_trial(store, number, rounds=rounds)
            assert verify(copy).whole


def test_every_pair_of_deletions_is_found(root: Path, tmp_path: Path) -> None:
    """Any two files that a manifest or `sweep.json` stands for, what should exist of the trial among them."""
    name = identity(0)
    files = ["sweep.json", f"trials/{name}.json", f"index/{name}.json",
             *(f"{table}/{name}.parquet" for table in TABLES)]  # fmt: skip
    with in_memory(tmp_path) as folder:
        for pair in combinations(files, 2):
            copy = shutil.copytree(root, folder / "-".join(map(str, map(files.index, pair))))
            for file in pair:
                (copy / file).unlink()
            report = verify(copy)
            assert report.damaged, pair
            assert "sweep.json" in pair[:1] or name in report.redo, pair


def test_every_file_and_pair_of_a_bundle_is_missed(root: Path, tmp_path: Path) -> None:
    """Of results that are nothing but a bundle, as they are committed and shared."""
    shared = tmp_path / "shared"
    gather([root], shared)
    files = sorted(path.relative_to(shared) for path in shared.rglob("*.*"))
    assert len(files) == 6
    with in_memory(tmp_path) as folder:
        for victims in (*combinations(files, 1), *combinations(files, 2)):
            copy = shutil.copytree(shared, folder / "-".join(path.name for path in victims))
            for file in victims:
                (copy / file).unlink()
            assert verify(copy).damaged, victims


def test_a_swap_or_another_sealed_round_is_found(root: Path) -> None:
    """Whole by its own seal, and not what was committed: told, and left where it is."""
    file = root / "progress" / identity(2) / "0001.json"
    forged = changed(record(1), test_accuracy=0.99).to_json()
    file.write_bytes(seal("round", {"trial_id": identity(2), "round": 1, "record": forged}))
    report = verify(root)
    assert [(each.file, each.kind) for each in report.refused] == [
        (str(file.relative_to(root)), "contradictory")
    ]
    assert not report.damaged
    assert file.exists()


def test_a_folder_of_an_earlier_version_has_no_index_and_is_whole(root: Path) -> None:
    """It verifies, resumes and is published; from then on what should exist of it is known."""
    shutil.rmtree(root / "index")
    assert verify(root).whole
    store = ResultsStore(root)
    run_trial(store, 2, rounds=5)
    assert verify(root).whole
    index = unseal("index", (root / "index" / f"{identity(2)}.json").read_bytes())
    assert len(index["rounds"]) == 5
    assert index["manifest"] == sha256((root / "trials" / f"{identity(2)}.json").read_bytes()).hexdigest()


def test_a_manifest_whose_configuration_was_changed_is_found() -> None:
    """Sealed again, in a bundle that is whole by its own hashes: its id says something else."""
    study = Path(__file__).parents[2] / "docs" / "studies" / "budgets_low"
    manifest = next(iter(load_manifests(study).values()))
    assert identify(manifest) == manifest["trial_id"]
    manifest["config"]["training"]["epochs"] += 1
    assert identify(manifest) not in ("", manifest["trial_id"])
    manifest["own_code"] = {"strategy mine": "0"}
    assert identify(manifest) == ""


def test_an_id_that_does_not_follow_from_its_manifest_is_told(root: Path) -> None:
    """By whatever tells ids; the trial stays."""
    report = verify(root, lambda manifest: "f" * 16 if manifest["trial_id"] == identity(0) else "")
    assert [each.file for each in report.refused] == [f"trials/{identity(0)}.json"]


def test_an_old_bundle_that_was_copied_back_is_told(root: Path) -> None:
    """A trial is taken out and run again with other numbers; the bundle of before comes back from a backup."""
    compact(root)
    shutil.copytree(root / "bundle", root.parent / "backup")
    store = ResultsStore(root)
    with store.lease() as lease:
        store.set_aside([identity(0)], lease)
    store.publish(identity(0), {}, [changed(each, test_nll=2.0) for each in records(3)])
    rounds = load_results(root).rounds
    assert set(rounds[rounds["trial_id"] == identity(0)]["test_nll"]) == {2.0}
    assert verify(root).whole
    shutil.rmtree(root / "bundle")
    shutil.copytree(root.parent / "backup", root / "bundle")
    assert [each.file for each in verify(root).refused] == [f"trials/{identity(0)}.json"]


@pytest.mark.parametrize("code", ["EACCES", "EIO", "ESTALE", "memory"])
def test_what_cannot_be_read_is_not_damaged(code: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of it: it is told, and no healthy trial is moved."""
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    read = local_disk._read

    def fail(path: Path, at_most: int) -> bytes:
        if path.name == f"{identity(0)}.parquet":
            raise MemoryError if code == "memory" else OSError(getattr(errno, code), "no")
        return read(path, at_most)

    monkeypatch.setattr(local_disk, "_read", fail)
    report = verify(root)
    assert {each.kind for each in report.unreadable} == {"unreadable"}
    assert len(report.unreadable) == 3
    assert not report.damaged
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_one_stale_file_handle_is_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS answers ESTALE once where a file was replaced."""
    read, stale = local_disk._read, []

    def once(path: Path, at_most: int) -> bytes:
        if path not in stale:
            stale.append(path)
            raise OSError(errno.ESTALE, "stale file handle")
        return read(path, at_most)

    monkeypatch.setattr(local_disk, "_read", once)
    assert verify(root).whole
    assert stale


def test_a_newer_folder_is_refused_whole(root: Path) -> None:
    """What a newer program keeps there may look like a stranger: not one file is moved."""
    rewrite(root / "sweep.json", "results", {}, version=2)
    (root / "rounds" / "new.arrow").write_bytes(b"x")
    before = sorted(root.rglob("*"))
    with pytest.raises(ValueError, match="install the dalbt-ray that wrote it, or a newer one"):
        verify(root)
    assert sorted(root.rglob("*")) == before


def test_quarantine_never_overwrites(root: Path) -> None:
    """A user removed the first folder; the next number is not that of the second, which is still there."""
    for number in (0, 1):
        (root / "rounds" / f"{identity(number)}.parquet").write_bytes(b"PAR1")
        place = Path(verify(root).quarantine)
    assert place.name == "0002"
    shutil.rmtree(root / "quarantine" / "0001")
    kept = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    (root / "progress" / identity(2) / "0000.json").write_bytes(b"")
    assert Path(verify(root).quarantine).name == "0003"
    assert {path: path.read_bytes() for path in kept} == kept
    assert "was altered" in unseal("quarantine", (place / "why.json").read_bytes())["why"][0]


def test_beside_a_sweep_that_publishes_nothing_looks_damaged(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial becomes longer in the middle of a pass: its old manifest was read, its new table lies there."""
    store, read, grown = ResultsStore(root), local_disk._read, []

    def publish_meanwhile(path: Path, at_most: int) -> bytes:
        data = read(path, at_most)
        if path.parent.name == "trials" and path.stem == identity(0) and not grown:
            grown.append(path)
            run_trial(store, 0, rounds=6)
        return data

    monkeypatch.setattr(local_disk, "_read", publish_meanwhile)
    report = verify(root)
    assert grown
    assert report.whole
    assert store.committed() == {identity(0), identity(1)}


def test_two_files_that_were_exchanged_are_found(root: Path, tmp_path: Path) -> None:
    """Two files exchanged, of any kind: one of them at least is named."""
    rng, files = random.Random(4), [path for path in listed(root) if path.is_file()]
    with in_memory(tmp_path) as folder:
        copy = folder / "copy"
        shutil.copytree(root, copy)
        for _ in range(40):
            one, two = (copy / path.relative_to(root) for path in rng.sample(files, 2))
            first, second = one.read_bytes(), two.read_bytes()
            if first == second:
                continue
            one.write_bytes(second)
            two.write_bytes(first)
            found = {each.file for each in verify(copy).damaged} | {
                each.file for each in verify(copy).refused
            }
            assert found, (one, two)
            shutil.rmtree(copy)
            shutil.copytree(root, copy)
