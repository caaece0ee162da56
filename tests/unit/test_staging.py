"""The place where a set is made: whatever happens there, the data root keeps what it had and nothing else."""

from contextlib import suppress
from pathlib import Path

import pytest

from dalbt_ray.data.prepare.staging import staging_folder


def contents(folder: Path) -> list[str] | None:
    """Everything below a folder; None if it is not there."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.is_dir() else None


@pytest.mark.parametrize(
    "before", ["missing", "empty", "a set", "an interrupted download", "another preparation"]
)
@pytest.mark.parametrize("fails", [True, False])
def test_nothing_stays_but_what_was_moved_out(tmp_path: Path, before: str, fails: bool) -> None:
    """After a failure the root is exactly as before, an empty one still there; after success it has the set too."""
    root = tmp_path / "deep" / "data"
    here = {
        "missing": None,
        "empty": ".",
        "a set": "pets",
        "an interrupted download": ".downloads/mnist",
        "another preparation": ".staging/cats-1",
    }[before]
    if here:
        (root / here).mkdir(parents=True, exist_ok=True)
    expected = contents(root)
    if not fails:
        expected = sorted([*(expected or []), "own", "own/train.parquet"])
    with suppress(FileNotFoundError), staging_folder(root, "own") as staging:
        (staging / "train.parquet").write_bytes(b"half")
        (staging / "missing" if fails else staging).rename(root / "own")
    assert contents(root) == expected
    assert (tmp_path / "deep").exists() == (here is not None or not fails)
