"""A full disk: no torn file, a message that helps, and the same end once there is room."""

import errno
import os
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from dalbt_ray.results import ResultsStore, load_results, verify
from dalbt_ray.results.parquet_form import decode
from tests.results_records import run_trial


class Full:
    """`os.write` on a disk that is full from the n-th write on; the write that hits the end is cut short."""

    def __init__(self, write: Callable[..., int], room: int) -> None:
        self.write, self.room, self.count = write, room, 0

    def __call__(self, descriptor: int, data: Any) -> int:
        """One write."""
        self.count += 1
        if self.count == self.room:
            return self.write(descriptor, bytes(data)[: len(data) // 2])
        if self.count > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.write(descriptor, data)


def test_every_write_may_be_the_one_that_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each n: readers see whole files only, the message names path, need and free, and a second run ends well."""
    write = os.write
    expected: dict[str, str] = {}
    for room in range(1, 100):
        root, disk = tmp_path / str(room), Full(write, room)
        store = ResultsStore(root)
        store.create_or_open({"sweep": "full"})
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", disk)
            message = refusal(store)
        if message:
            assert str(root) in message
            assert re.search(r"needs [\d,]+ bytes, [\d,]+ are free", message)
        for path in root.glob("rounds/*"):
            decode("rounds", path.read_bytes())
        load_results(root, include_running=True)
        assert not list(root.glob("staging/*"))
        run_trial(store, 0)
        assert not verify(root).damaged
        expected = expected or deterministic(root)
        assert deterministic(root) == expected
        if disk.count < room:
            break
    assert room > 5


def refusal(store: ResultsStore) -> str:
    """Run a trial; what it says if the disk is full."""
    try:
        run_trial(store, 0)
    except OSError as error:
        return str(error) if error.errno == errno.ENOSPC else ""
    return ""


def deterministic(root: Path) -> dict[str, str]:
    """SHA-256 of the deterministic files."""
    return {
        str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest()
        for table in ("rounds", "selections")
        for path in sorted((root / table).iterdir())
    }
