"""Wrong input is refused before training: one line, exit status 2, nothing written."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dalbt_ray.data.sources import EMBEDDED_ROOT
from dalbt_ray.launch.sweep_command import sweep
from dalbt_ray.results import ResultsStore
from sweeps.paper_grid import PRESETS


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a refused command prints."""
    assert sweep(PRESETS, None, list(arguments)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--preset", "quik"], ["preset", "'quik'", "did you mean 'quick'"]),
        (["--strategies", "dalbt,marginn"], ["strategy", "'marginn'", "did you mean 'margin'", "core_set"]),
        (["--objective", "jont"], ["objective", "'jont'", "did you mean 'joint'"]),
        (["--seeds", "0,one"], ["seeds", "'one'", "whole numbers"]),
        (["--seeds", "0,0"], ["seeds", "names 0 twice"]),
        (["--seeds", "-1"], ["seeds", "'-1'"]),
        (["--seeds", "5-"], ["seeds", "'5-'"]),
        (["--seeds", "4-0"], ["seeds", "'4-0'", "0-4,7"]),
        (["--strategies", "dalbt,,random"], ["strategies", "empty name"]),
        (["--in-process", "--address", "auto"], ["address", "--in-process"]),
        (["--track", "foo", "--plan"], ["track", "'foo'", "mlflow"]),
        (["--track", "mlflow", "--plan"], ["track", "--plan"]),
        (["--set", "training.epoch=5"], ["training.epoch", "did you mean training.epochs"]),
        (["--set", "training=5"], ["training", "is a group", "training.epochs"]),
        (["--set", "training.epochs=20.5"], ["training.epochs", "20.5", "whole number"]),
        (["--set", "encoder=resnet"], ["encoder", "'resnet'", "did you mean 'resnet18'"]),
        (["--set", "strategy.samples=3"], ["strategy.samples", "is no option of", "--set strategy=NAME"]),
        (["--set", "metrics=recall"], ["metrics", "Python", "Trial(metrics="]),
        (["--set", "network.projector=2,3"], ["network.projector", "as in [1,2]"]),
        (["--budget", "50"], ["'--budget'", "--set budget=VALUE"]),
        (["--epochs=5"], ["'--epochs=5'", "or training.epochs=VALUE"]),
        (["mnist"], ["'mnist'", "--preset mnist"]),
        (["--nonesuch"], ["'--nonesuch'", "--help"]),
        (["--grid", "training.epochs=5,,6"], ["grid", "empty value"]),
        (["--grid", "training.epochs"], ["grid", "is not path=value"]),
        (["--dataset", "nonesuch"], ["'nonesuch'", "dalbt data prepare"]),
        (["--max-rounds", "-2"], ["max-rounds", "-2"]),
        (["--data-root", "nowhere/at/all"], ["data-root", "nowhere/at/all", "is not a folder"]),
        (["--data-root", "x" * 300], ["xxx", "File name too long"]),
        (["--data-root", "~nobody-of-that-name"], ["data-root", "names no user's home"]),
        (["--seeds", "9" * 5_000], ["seeds", "whole numbers below 2^63"]),
        (["--seeds", str(2**63)], ["seed", "must be at most 9223372036854775807"]),
        (["--seeds", "0-99999999999"], ["seeds", "names more than 10,000 seeds"]),
        (["--set", f"seed={2**63}"], ["seed", "must be at most 9223372036854775807"]),
        (["--set", f"budget={10**20}"], ["budget", "must be at most"]),
        (["--set", "training.epochs=" + "[" * 100_000], ["training.epochs", "(100,002 characters)"]),
        (["--set", "splits.validation_size=0"], ["splits.validation_size", "hold out at least 1"]),
    ],
)
def test_a_wrong_argument_is_named(
    arguments: list[str], wanted: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Field, value, and the nearest match or the remedy."""
    line = refused(capsys, "--results", str(tmp_path / "r"), *arguments)
    for text in wanted:
        assert text in line
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("results", "wanted"),
    [
        ("~nobody-of-that-name/r", "names no user's home"),
        ("s3://", "is no URI"),
        ("a\0b", "is no path"),
        ("\ud800", "is no path"),
        ("://", "is no URI"),
        ("github://x", "cannot be opened"),
        ("/" + "/".join(["d" * 50] * 100), "File name too long"),
        ("LOOP/r", "Too many levels of symbolic links"),
    ],
)
def test_a_results_folder_that_cannot_be_is_refused(
    results: str, wanted: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Homes of nobody, half a URI, a path that is too long, a loop of links."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert wanted in refused(capsys, "--results", results.replace("LOOP", str(tmp_path / "loop")))


def test_a_refused_driver_leaves_what_the_sweep_says_of_itself_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`sweep.json` describes the sweep that runs, not the one that may not."""
    store = ResultsStore(tmp_path)
    store.create_or_open({"sweep": "first", "trials": 1})
    with store.lease():
        before = (tmp_path / "sweep.json").read_bytes()
        refused(capsys, "--results", str(tmp_path), "--in-process")
        assert (tmp_path / "sweep.json").read_bytes() == before


def test_a_missing_set_names_path_command_and_alternative(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without the images a user learns where they were looked for and how to get them."""
    line = refused(
        capsys, "--preset", "mnist", "--data-root", str(tmp_path), "--results", str(tmp_path / "r")
    )
    assert str(tmp_path / "mnist") in line
    assert "dalbt data prepare mnist" in line
    assert "fashion_mini" in line


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        (lambda path: path.write_bytes(b""), "0 bytes"),
        (lambda path: path.write_bytes(path.read_bytes()[:5_000]), "damaged"),
        (lambda path: path.write_text("not Parquet at all"), "damaged"),
    ],
    ids=["empty", "truncated", "text"],
)
def test_a_damaged_data_file_is_refused(
    damage: Callable[[Path], object], wanted: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The file is named before anything is trained."""
    copy = tmp_path / "data" / "fashion_mini"
    shutil.copytree(EMBEDDED_ROOT / "fashion_mini", copy)
    damage(copy / "train.parquet")
    line = refused(capsys, "--data-root", str(tmp_path / "data"), "--results", str(tmp_path / "r"))
    assert str(copy / "train.parquet") in line
    assert wanted in line


def test_a_folder_of_something_else_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Results never mix with other files."""
    (tmp_path / "thesis.tex").write_text("precious")
    line = refused(capsys, "--results", str(tmp_path))
    assert "results" in line
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_results_path_that_cannot_be_a_folder_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file in the way, also for root, whom permissions do not stop."""
    (tmp_path / "file").write_text("")
    line = refused(capsys, "--results", str(tmp_path / "file" / "results"))
    assert str(tmp_path / "file") in line
