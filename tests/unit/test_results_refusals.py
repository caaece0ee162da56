"""Folders that no sweep may write to."""

from pathlib import Path

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.results import ResultsStore
from dalbt_ray.results.load import ATTEMPTS, looked_up
from dalbt_ray.results.published import Published, manifest_file
from dalbt_ray.results.storage.sealed import seal
from tests.results_records import opened, rewrite, run_trial


def test_a_file(tmp_path: Path) -> None:
    """A file where the folder should be, or above it."""
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"results: .*file"):
            ResultsStore(root).create_or_open({})
    with pytest.raises(InputError, match=r"results: .*Not a directory"):
        ResultsStore(tmp_path / "file").committed()


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    """Somebody's files are not to be mixed with ours."""
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"has 'thesis.tex' and no sweep.json"):
        ResultsStore(tmp_path).create_or_open({})


def test_a_folder_of_another_format_or_version(tmp_path: Path) -> None:
    """A `sweep.json` of another program, and one of a later dalbt-ray."""
    file = tmp_path / "sweep.json"
    file.write_text('{"format": "wandb", "version": 1}')
    with pytest.raises(InputError, match="has the format 'wandb'"):
        ResultsStore(tmp_path).create_or_open({})
    file.write_bytes(seal("results", {}).replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(InputError, match="version 2 of the format; this program knows version 1"):
        ResultsStore(tmp_path).create_or_open({})


def test_a_damaged_sweep_json(tmp_path: Path) -> None:
    """Cut in the middle."""
    opened(tmp_path)
    file = tmp_path / "sweep.json"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match="dalbt verify"):
        ResultsStore(tmp_path).create_or_open({})


def test_a_place_that_cannot_be_written() -> None:
    """Not even by root."""
    with pytest.raises(InputError, match="results: '/proc/dalbt' cannot be written"):
        ResultsStore("/proc/dalbt").create_or_open({})


def test_a_table_folder_that_is_a_link(tmp_path: Path) -> None:
    """Nothing is written outside the results folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    store = opened(tmp_path / "results")
    (tmp_path / "results" / "rounds").symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        run_trial(store, 0)
    assert not any(outside.iterdir())


def test_a_name_that_leads_out(tmp_path: Path) -> None:
    """Whatever id is asked for."""
    store = opened(tmp_path / "results")
    for name in ("../out.json", "/etc/out", "rounds/../../out"):
        with pytest.raises(InputError, match="leads out"):
            store.storage.write(name, b"x")


@pytest.mark.parametrize(("damage", "looks"), [("newer", 1), ("torn", ATTEMPTS), ("gone", ATTEMPTS)])
def test_only_what_may_have_moved_is_looked_up_again(tmp_path: Path, damage: str, looks: int) -> None:
    """A manifest of a newer format is whole: three looks at one that was made to harm took three times as long."""
    store = opened(tmp_path)
    file = tmp_path / manifest_file(run_trial(store, 0))
    whole = file.read_bytes()
    seen = []

    def read(published: Published) -> object:
        seen.append(published)
        if damage == "gone":
            file.unlink()
        try:
            return published.manifests()
        finally:
            if damage == "gone":
                file.write_bytes(whole)

    if damage == "newer":
        rewrite(file, "trial", {"files": "by another rule"})
    elif damage == "torn":
        file.write_bytes(whole[:-20])
    with pytest.raises(FileNotFoundError if damage == "gone" else InputError):
        looked_up(store.storage, read)
    assert len(seen) == looks
