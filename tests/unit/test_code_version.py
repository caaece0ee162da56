"""The hash by which a trial recognises OOD code on its worker."""

import shutil
from pathlib import Path

import pytest

import dalbt_ray
from dalbt_ray.cluster.code_version import code_hash


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A tiny package of two modules, one of them nested."""
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.py").write_text("x = 1\ny = 2\n")
    (folder / "inner" / "b.py").write_text("z = 3\n")
    return folder


def test_ignores_where_the_package_lies_and_what_is_not_source(package: Path, tmp_path: Path) -> None:
    """A copy elsewhere, with bytecode and data beside the sources, is the same code."""
    copy = tmp_path / "elsewhere"
    shutil.copytree(package, copy)
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"bytecode")
    (copy / "notes.txt").write_text("not code")
    assert code_hash(copy) == code_hash(package)


def test_sees_a_changed_byte(package: Path) -> None:
    """One edited character in a nested file changes the hash."""
    before = code_hash(package)
    (package / "inner" / "b.py").write_text("z = 4\n")
    assert code_hash(package) != before


def test_sees_a_renamed_file(package: Path) -> None:
    """The same contents under another name are other code."""
    before = code_hash(package)
    (package / "a.py").rename(package / "c.py")
    assert code_hash(package) != before


def test_sees_a_line_that_moves_to_the_next_file(package: Path) -> None:
    """The concatenation of all contents stays the same, the code does not."""
    before = code_hash(package)
    (package / "a.py").write_text("x = 1\n")
    (package / "inner" / "b.py").write_text("y = 2\nz = 3\n")
    assert code_hash(package) != before


def test_is_about_the_installed_package_by_default() -> None:
    """Without an argument the package that is imported is hashed."""
    assert code_hash() == code_hash(Path(dalbt_ray.__file__).parent)
