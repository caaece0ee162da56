"""A Ray on this machine is found by what `ray start` notes, if it still answers."""

import socket
from pathlib import Path

import pytest

from dalbt_ray.cluster.discovery import running_here


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that `ray start` would write, in a temporary folder of its own."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    file = tmp_path / "ray" / "ray_current_cluster"
    file.parent.mkdir()
    return file


def test_a_ray_that_answers_is_found(note: Path) -> None:
    """The noted address, if somebody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        note.write_text(address)
        assert running_here() == address


def test_a_stale_note_is_no_ray(note: Path) -> None:
    """A machine that went down leaves the note behind; a damaged one says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    note.write_text(address)
    assert running_here() is None
    note.write_text("127.0.0.1:no-port")
    assert running_here() is None


def test_no_note_is_no_ray(note: Path) -> None:
    """The usual laptop."""
    assert not note.exists()
    assert running_here() is None
