"""A pool whose images lie in an object store: moto's S3 on loopback, by the commands alone."""

import csv
from pathlib import Path

import boto3
import pytest

from dalbt_ray.cli import main
from tests.planted_pools import plant

pytest.importorskip("timm", reason="needs the extra backbones")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore")

IMAGES = 12


def test_a_list_of_uris_is_queried_and_answered(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is missing is listed, and read once it is there; answers name images by their URIs."""
    monkeypatch.chdir(tmp_path)
    truth = {
        f"{bucket}/roll [1]/{place}?.png": (tmp_path / "local" / path, label)
        for place, (path, label) in enumerate(plant(tmp_path / "local", IMAGES).truth.items())
    }

    def put(uri: str) -> None:
        name, _, key = uri.removeprefix("s3://").partition("/")
        boto3.client("s3").put_object(Bucket=name, Key=key, Body=truth[uri][0].read_bytes())

    missing, *there = truth
    for uri in there:
        put(uri)
    pool = tmp_path / "list.txt"
    pool.write_text("\n".join(truth))
    command = ["query", str(pool), "--budget", "6", "--side", "32", "--explore", "0"]
    assert main(command) == 0
    assert "1 files cannot be used" in capsys.readouterr().out
    assert main(["status", str(pool)]) == 0
    assert f"{missing} cannot be read" in capsys.readouterr().out
    with Path("batch_001/batch.csv").open() as file:
        bought = [row["path"] for row in csv.DictReader(file)]
    assert len(bought) == 6
    assert set(bought) < set(there)
    assert Path("batch_001/index.html").read_text().count("data:image/jpeg") == 6
    with Path("answers.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *((uri, truth[uri][1]) for uri in bought)])
    assert main(["ingest", str(pool), "answers.csv"]) == 0
    put(missing)
    capsys.readouterr()
    assert main(command) == 0
    said = capsys.readouterr().out
    assert f"1 files to read and embed by efficientnet_lite0 ({IMAGES - 1} known)" in said
    assert "cannot be used" not in said


def test_a_kind_that_nothing_reads_is_refused_before_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise every one of 200,000 files would be listed as unreadable."""
    pool = tmp_path / "list.txt"
    pool.write_text("a.png\nnowhere://bucket/a.png\n")
    assert main(["query", str(pool), "--budget", "6", "--side", "32"]) == 2
    assert "'nowhere://' cannot be read" in capsys.readouterr().err
