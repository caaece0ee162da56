"""What a report is called: the folder's name, wherever the command is typed."""

from pathlib import Path

import pytest

from dalbt_ray.report.study import results_name


def test_a_folder_has_its_own_name_from_inside_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`dalbt report .` is the report of that folder, not of a dot; a link keeps the name that was typed."""
    inner = tmp_path / "my sweep" / "rounds"
    inner.mkdir(parents=True)
    (tmp_path / "latest").symlink_to(tmp_path / "my sweep")
    monkeypatch.chdir(inner.parent)
    assert results_name(".") == results_name("./") == results_name("rounds/..") == "my sweep"
    monkeypatch.chdir(inner)
    assert results_name("..") == "my sweep"
    assert results_name(tmp_path / "latest") == "latest"
    assert results_name("s3://bucket/a sweep/") == "a sweep"
