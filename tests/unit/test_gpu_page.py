"""The page of GPU numbers, and the script that takes them, on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import make_gpu_page

REPOSITORY = Path(__file__).parents[2]
SECTIONS = "trainer,step,views,scoring,usual"
"""Those that need neither another process of ours nor a large network."""


def test_the_page_has_the_committed_numbers() -> None:
    """`make docs` would change nothing."""
    page = make_gpu_page.PAGE.read_text(encoding="utf-8")
    assert make_gpu_page.filled(page) == page


def test_a_smoke_run_gives_numbers_that_the_page_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every section ends without an error, writes rates, and becomes a table."""
    numbers = tmp_path / "tiny.json"
    command = [sys.executable, "benchmarks/gpu.py", "--smoke", "--sections", SECTIONS, "--json", str(numbers)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(numbers.read_text())
    assert {row["section"] for row in result["rows"]} == set(SECTIONS.split(","))
    assert all(row["images_per_second"] > 0 for row in result["rows"] if "how" not in row or "network" in row)
    monkeypatch.setattr(make_gpu_page, "NUMBERS", tmp_path)
    page = make_gpu_page.filled(make_gpu_page.PAGE.read_text(encoding="utf-8"))
    assert make_gpu_page.NOTHING not in page
    for section in SECTIONS.split(","):
        assert f"### {make_gpu_page.TITLES[section]}" in page


def test_a_section_without_a_number_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ended early keeps its rows and says so."""
    machine = {"device": "one", "date": "today", "torch": "2", "cuda": "13", "cudnn": 9, "cpus": 2}
    errors = {"views": "TimeoutError: stopped", "usual": "TimeoutError: never began"}
    rows = [{"section": "views", "images": "8x8x1", "images_per_second": 5.0}]
    (tmp_path / "one.json").write_text(json.dumps({"machine": machine, "rows": rows, "errors": errors}))
    monkeypatch.setattr(make_gpu_page, "NUMBERS", tmp_path)
    page = make_gpu_page.filled(make_gpu_page.PAGE.read_text(encoding="utf-8"))
    assert "The run was cut off here (TimeoutError: stopped)." in page
    assert make_gpu_page.TITLES["usual"] not in page
    assert "never began" not in page
