"""What happens to disks: full, failing, cut from power, with bits that flip."""

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from dalbt_ray.errors import InputError
from dalbt_ray.results import load_results, verify
from dalbt_ray.results.storage.local_disk import LocalStorage
from dalbt_ray.results.verify import look
from tests.chaos.arena import Arena, committed
from tests.integration.failing_calls import ERRORS, Failing

_PAUSE = Event()


def calls_fail(arena: Arena) -> None:
    """Every call that changes the disk fails from some moment on: one line, an exit status, and the same end later."""
    root, code, first = arena.fresh(), arena.rng.choice(ERRORS), arena.rng.randrange(1, 120)
    driver = arena.start(root, Failing(first, code).install)
    status = driver.wait()
    assert "Traceback" not in driver.text, driver.text
    if status != 0:
        arena.count("sweeps with failing calls")
        assert status in (1, 2), driver.text
        assert os.strerror(code) in driver.text, driver.text
    arena.check(root)


def disk_full(arena: Arena) -> None:
    """A file system of some hundred KB that is really full; then it grows."""
    root = arena.fresh()
    size = arena.rng.randrange(4, 240)
    with mounted(root.parent, ["-t", "tmpfs", "-o", f"size={size}k", "tmpfs"]):
        driver = arena.start(root)
        status = driver.wait()
        assert "Traceback" not in driver.text, driver.text
        if status != 0:
            arena.count("full disks")
            assert os.strerror(errno.ENOSPC) in driver.text, driver.text
        subprocess.run(["mount", "-o", "remount,size=64m", str(root.parent)], check=True)
        arena.check(root)


CUTS = 12
"""In one case."""


def power_cut(arena: Arena) -> None:
    """A loop-mounted ext4, as its blocks lie there at twelve moments: the journal is replayed, the sweep goes on."""
    root = arena.fresh()
    disk, folder = (root.parent.with_name(f"power-{name}") for name in ("disk", "mount"))
    cuts: list[tuple[Path, int]] = []
    with disk.open("wb") as file:
        file.truncate(24 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(disk)], check=True)
    with mounted(folder, ["-o", "loop", str(disk)]):
        driver = arena.start(folder / "results")
        for number in range(CUTS):
            _PAUSE.wait(arena.moment() * 1.5 / CUTS)
            os.kill(driver.pid, signal.SIGSTOP)
            cuts.append((disk.with_name(f"power-cut{number}"), driver.promised))
            # What had reached the device: the page cache of the file system is not in it.
            shutil.copyfile(disk, cuts[-1][0])
            os.kill(driver.pid, signal.SIGCONT)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
    goes_on = arena.rng.choice(cuts)
    for cut, promised in cuts:
        arena.count("power cuts")
        with mounted(folder, ["-o", "loop", str(cut)]):
            after = folder / "results"
            assert committed(after) >= promised, (
                f"{promised} rounds were committed, {committed(after)} are there"
            )
            if (after / "sweep.json").exists():
                wrong = [each for each in look(LocalStorage(after)).findings if each.kind != "stranger"]
                assert not wrong, wrong
            if (cut, promised) == goes_on:
                arena.check(after)
        cut.unlink()


def bits_flip(arena: Arena) -> None:
    """One bit, or everything from some byte on, of any file of a half-done sweep: found, and redone."""
    root = arena.fresh()
    driver = arena.start(root)
    _PAUSE.wait(arena.seconds * 0.8)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    files = [path for path in sorted(root.rglob("*.*")) if path.is_file() and path.parts[-2] not in SILENT]
    # What a trial leaves behind that was published just before the kill, nobody reads any more.
    published = {path.stem for path in files if path.parent.name == "trials"}
    files = [path for path in files if path.parent.name not in published]
    if not (root / "sweep.json").exists() or not files:
        return
    whole = load_results(root, include_running=True).rounds.astype(str)
    for _ in range(100):
        victim = arena.rng.choice(files)
        data = victim.read_bytes()
        place = arena.rng.randrange(len(data))
        flipped = data[:place] + bytes([data[place] ^ (1 << arena.rng.randrange(8))]) + data[place + 1 :]
        victim.write_bytes(arena.rng.choice((flipped, data[:place])))
        arena.count("flips and truncations")
        try:
            seen = load_results(root, include_running=True).rounds.astype(str)
            assert seen.merge(whole, how="left", indicator=True)["_merge"].eq("both").all(), victim
        except InputError:
            pass
        found = look(LocalStorage(root)).findings
        assert any(str(victim.relative_to(root)) == each.file for each in found), victim
        victim.write_bytes(data)
    victim = arena.rng.choice(files)
    victim.write_bytes(victim.read_bytes()[:-1])
    assert verify(root).damaged
    arena.check(root)


SILENT = ("lease", "report", "staging", "figures", "tables")
"""Folders whose files are no results."""


@contextmanager
def mounted(folder: Path, options: list[str]) -> Iterator[None]:
    """Something mounted at `folder` for a `with` block."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *options, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def can_mount(folder: Path) -> bool:
    """Whether this machine lets us mount: root does, most containers do not."""
    try:
        with mounted(folder / "probe", ["-t", "tmpfs", "tmpfs"]):
            return os.geteuid() == 0 and shutil.which("mkfs.ext4") is not None
    except (subprocess.SubprocessError, OSError):
        return False
