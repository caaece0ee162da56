"""A file appears whole or not at all, and nothing beside it."""

from pathlib import Path

import pytest

from dalbt_ray.data.whole_file import whole_file


def test_a_file_is_there_once_it_is_whole(tmp_path: Path) -> None:
    """Not before the block ends; its folders are made, and nothing else stays in them."""
    path = tmp_path / "new" / "all.csv"
    with whole_file(path) as file:
        file.write(b"id\n1\n")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"id\n1\n"
    assert [each.name for each in path.parent.iterdir()] == ["all.csv"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """The old content whole, no half of the new one."""
    path = tmp_path / "all.csv"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.writelines([b"half of it", "no bytes"])  # type: ignore[list-item]
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["all.csv"]
