"""A Ray on this machine is found by what `ray start` notes, if it still answers."""

import os
import socket
import subprocess
import sys
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_the_ray_of_another_user_is_not_joined(note: Path) -> None:
    """Its note lies where everybody may write; so may a link to one of ours."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        note.write_text(f"127.0.0.1:{server.getsockname()[1]}")
        os.chown(note, 65534, 65534)
        assert running_here() is None
        os.chown(note, 0, 0)
        assert running_here() is not None
        link = note.rename(note.with_name("elsewhere"))
        note.symlink_to(link)
        assert running_here() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_port_that_another_user_has_taken_since_is_not_joined(note: Path) -> None:
    """The note is ours, of a Ray that is gone; somebody else listens there now."""
    code = (
        "import os, socket; os.setgid(65534); os.setuid(65534); server = socket.create_server(('127.0.0.1', 0));"
        "print(server.getsockname()[1], flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        note.write_text(f"127.0.0.1:{other.stdout.readline().strip()}")
        assert running_here() is None
        other.communicate("\n")
