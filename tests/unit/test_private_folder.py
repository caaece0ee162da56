"""A sweep's temporary folder is its user's alone, and does not outlive its driver for long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dalbt_ray.cluster import private_folder as rooms
from dalbt_ray.cluster.private_folder import ALIVE, KEPT, keep, private_folder, remove_abandoned
from tests.integration.waiting import wait_for


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the system's temporary folder."""
    monkeypatch.setattr(rooms, "_short_temporary_folder", lambda: str(tmp_path))
    return tmp_path


def test_it_is_closed_and_goes_at_the_end(root: Path) -> None:
    """Mode 0700, whatever happens to folders inside it."""
    with private_folder() as folder:
        (folder / "r").mkdir()
        (folder / "r").chmod(0o777)  # as Ray does
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(root.iterdir()) == []


def test_a_folder_that_is_kept_goes_a_week_later(root: Path) -> None:
    """The logs of failed trials stay readable, not for ever."""
    with private_folder() as folder:
        keep(folder)
    assert remove_abandoned(root) == []
    os.utime(folder / KEPT, (0, 0))
    assert remove_abandoned(root) == [folder]


def test_only_folders_of_dead_drivers_are_removed(root: Path) -> None:
    """A driver that lives holds the lock; one that was killed does not; a folder without a lock says nothing."""
    code = (
        "import sys, tempfile; from dalbt_ray.cluster import private_folder as rooms\n"
        "rooms._short_temporary_folder = lambda: sys.argv[1]\n"
        "with rooms.private_folder() as folder: print(folder, flush=True); sys.stdin.read()"
    )
    driver = subprocess.Popen(
        [sys.executable, "-c", code, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    folder = Path(driver.stdout.readline().strip())
    (root / "dalbt-other").mkdir()
    assert remove_abandoned(root) == []
    left = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", f"--ray={folder}/r"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert left.stdout is not None
    left.stdout.readline()  # until it runs, Linux may not tell its command line
    driver.kill()
    driver.communicate()
    wait_for(lambda: folder in remove_abandoned(root), seconds=60)  # some systems free locks a little later
    left.communicate()
    assert left.returncode == -9  # what Ray started there has ended, too
    assert [path.name for path in root.iterdir()] == ["dalbt-other"]


def test_a_link_is_not_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another user may put anything of that name beside it."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / ALIVE).touch()
    (root / "dalbt-planted").symlink_to(elsewhere)
    assert remove_abandoned(root) == []
    assert (elsewhere / ALIVE).exists()
