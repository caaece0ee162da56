"""The classes of a sweep file, for commands that read its trials later."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from dalbt_ray.config import Trial, known_classes
from dalbt_ray.errors import InputError
from dalbt_ray.launch.finished_trial import classes_of
from dalbt_ray.options.own_code import UNKNOWN, own_sources, source_hash
from dalbt_ray.strategies import Method

SWEEP_FILE = """
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dalbt_ray import Ranked
from sharpness_of_mine import SHARPNESS


@dataclass(frozen=True, kw_only=True)
class Mine(Ranked):
    name: ClassVar[str] = "mine"
    power: float = 1.0

    def ranking(self, pool):
        return -pool.probabilities.max(axis=1) * SHARPNESS
"""


def test_a_sweep_file_is_what_it_was_as_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fields are checked, it imports what lies beside it, and its source is that which the trial recorded."""
    (tmp_path / "sharpness_of_mine.py").write_text("SHARPNESS = 2.0\n")
    (tmp_path / "random.py").write_text(SWEEP_FILE)
    (tmp_path / "imported_as_usual.py").write_text(SWEEP_FILE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = sys.modules["random"]
    mine = classes_of(str(tmp_path / "random.py"), {})[Method]["mine"]
    assert sys.modules["random"] is before
    with pytest.raises(InputError, match=r"strategy\.power: 'high' must be a number"):
        mine(power="high")
    usual = import_module("imported_as_usual").Mine
    found, wanted = (own_sources(Trial(strategy=cls())) for cls in (mine, usual))
    assert found == wanted
    assert UNKNOWN not in found.values()


def test_a_sweep_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """With what to name."""
    (tmp_path / "notes").write_text("none")
    with pytest.raises(InputError, match=r"is no Python file; its name ends with \.py"):
        classes_of(str(tmp_path / "notes"), {})
    with pytest.raises(InputError, match="is not a file"):
        classes_of(str(tmp_path / "nowhere.py"), {})
    with pytest.raises(InputError, match=r"--sweep-file mine\.py"):
        classes_of(None, {"strategy": {"name": "mine"}})
    assert "mine" not in known_classes()[Method]


def test_a_source_is_the_same_in_every_process(tmp_path: Path) -> None:
    """Functions in a tuple are told by their source, not by their addresses; what they do counts."""
    text = SWEEP_FILE.replace("from sharpness_of_mine import SHARPNESS", "{steps}").replace(
        "* SHARPNESS", "* len(STEPS)"
    )
    digests = []
    for number, body in enumerate(("x + 1", "x + 1", "x + 2")):
        file = tmp_path / f"steps{number}" / "steps.py"
        file.parent.mkdir()
        steps = f"def one(x):\n    return {body}\n\n\nSTEPS = (one, frozenset({{'a', 'b'}}), 3)"
        file.write_text(text.replace("{steps}", steps))
        digests.append(source_hash(classes_of(str(file), {})[Method]["mine"]))
    assert UNKNOWN not in digests
    assert digests[0] == digests[1] != digests[2]
