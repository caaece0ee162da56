"""The trials of several folders in a new one: each once, none lost, and nothing of a folder changes."""

from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.cli import main
from dalbt_ray.errors import InputError
from dalbt_ray.results import ResultsStore, gather, load_manifests, load_results, verify
from dalbt_ray.results.joined_folders import Gathered
from dalbt_ray.results.storage.folder import read_sweep
from tests.results_records import config, file_hashes, identity, records, run_trial

TABLES = ("rounds", "selections", "timings")


def folder(root: Path, trials: dict[int, int], planned: int = 0) -> Path:
    """A results folder of finished trials, numbers to rounds."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": root.name, "trials": planned})
    for number, rounds in trials.items():
        run_trial(store, number, rounds)
    return root


def rows_of(root: Path, table: str, *numbers: int) -> pd.DataFrame:
    """The rows of some trials."""
    rows: pd.DataFrame = getattr(load_results(root), table)
    return rows[rows["trial_id"].isin([identity(number) for number in numbers])].reset_index(drop=True)


def test_seeds_that_ran_apart_are_one_study(tmp_path: Path) -> None:
    """As if one folder had all of them: the same bundle, whatever the order; the sources stay as they were."""
    one, two = folder(tmp_path / "one", {0: 2, 3: 4}, planned=2), folder(tmp_path / "two", {1: 3}, planned=7)
    gather([two], tmp_path / "bundled")  # a bundle is as good as single files
    before = file_hashes(one), file_hashes(two)
    told = gather([one, tmp_path / "bundled"], tmp_path / "study")
    gather([tmp_path / "bundled", one], tmp_path / "other_order")
    gather([folder(tmp_path / "all", {0: 2, 1: 3, 3: 4})], tmp_path / "expected")
    assert told == Gathered(trials=3, shared=0)
    assert (file_hashes(one), file_hashes(two)) == before
    hashes = [file_hashes(tmp_path / name / "bundle") for name in ("study", "other_order", "expected")]
    assert hashes[0] == hashes[1] == hashes[2]
    assert verify(tmp_path / "study").trials == 3
    sweep = read_sweep(ResultsStore(tmp_path / "study").storage) or {}
    assert (sweep["sweep"], sweep["trials"]) == ("one", 7)


def test_a_trial_of_two_folders_counts_once(tmp_path: Path) -> None:
    """With most rounds, else as the first named folder has it: tables and manifest of one and the same run."""
    one, two = folder(tmp_path / "one", {0: 2, 1: 3}), folder(tmp_path / "two", {0: 4, 2: 2})
    store, elsewhere = ResultsStore(two), records(3, host="elsewhere")
    store.publish(identity(1), {"status": "ok", "config": config(1, 3)}, elsewhere)
    assert gather([one, two], tmp_path / "study") == Gathered(trials=3, shared=2)
    for table in TABLES:
        assert rows_of(tmp_path / "study", table, 0, 2).equals(rows_of(two, table, 0, 2)), table
        assert rows_of(tmp_path / "study", table, 1).equals(rows_of(one, table, 1)), table
    assert set(rows_of(tmp_path / "study", "timings", 1)["host"]) == {"host"}
    manifests = load_manifests(tmp_path / "study")
    assert manifests[identity(0)] == load_manifests(two)[identity(0)]
    assert manifests[identity(1)] == load_manifests(one)[identity(1)]
    gather([two, one], tmp_path / "other_order")
    assert set(rows_of(tmp_path / "other_order", "timings", 1)["host"]) == {"elsewhere"}


def test_damage_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    """The file of the folder that has it."""
    one, two = folder(tmp_path / "one", {0: 2}), folder(tmp_path / "two", {1: 2})
    (two / "rounds" / f"{identity(1)}.parquet").write_bytes(b"torn")
    with pytest.raises(InputError, match=rf"two.*{identity(1)}"):
        gather([one, two], tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_the_command_needs_a_folder_for_the_trials_of_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says how many several had."""
    one, two = folder(tmp_path / "one", {0: 2}), folder(tmp_path / "two", {0: 2, 1: 2})
    assert main(["compact", str(one), str(two)]) == 2
    assert "out: is missing; name a new folder" in capsys.readouterr().err.replace("None ", "")
    assert main(["compact", str(one), str(two), "--out", str(tmp_path / "study")]) == 0
    assert capsys.readouterr().out.startswith(
        f"{tmp_path}/study/bundle has 2 trials; 1 of several folders count once"
    )
