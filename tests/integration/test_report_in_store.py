"""The report of results in an object store: moto's S3 on loopback."""

from pathlib import Path

import pytest

from dalbt_ray.cli import main
from dalbt_ray.results import ResultsStore, verify
from tests.small_trials import small_image_set
from tests.tiny_sweep import run_into

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore")


def test_it_lies_beside_the_results(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its figures and tables, and nothing is left in the working folder; `--out` writes one there."""
    monkeypatch.chdir(tmp_path)
    root, store = f"{bucket}/sweep", ResultsStore(f"{bucket}/sweep")
    run_into(root, "random", 0, image_set=small_image_set())
    assert main(["report", root]) == 0
    assert capsys.readouterr().out.strip() == f"{root}/report/index.html"
    assert store.storage.read("report/index.html").startswith(b"<!DOCTYPE html>")
    assert "learning_curves.png" in store.storage.entries("report/figures")
    assert store.storage.entries("report/tables")
    assert not list(tmp_path.iterdir())
    assert main(["report", root, "--out", "here"]) == 0
    assert Path("here/index.html").exists()
    assert verify(root).whole
