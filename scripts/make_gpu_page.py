"""Fill docs/gpu.md with the numbers of docs/gpu/*.json, which `benchmarks/gpu.py --json` wrote: `make docs`."""

import json
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "gpu.md"
NUMBERS = PAGE.with_suffix("")
BEGIN, END = "<!-- numbers: python -m scripts.make_gpu_page -->\n", "<!-- end of numbers -->\n"
NOTHING = "No GPU has been measured yet.\n"

TITLES = {
    "trainer": "Training step as a trial runs it, joint loss",
    "step": "The same step taken apart",
    "views": "Two BYOL views of every image",
    "scoring": "Scoring a pool",
    "embedding": "Embedding with EfficientNet-Lite0 at 96 pixels",
    "together": "Trials side by side on one GPU",
    "usual": "The step with other makers of views",
    "compile": "The step through torch.compile",
}


def filled(page: str) -> str:
    """`page` with what lies in `NUMBERS` between its two marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    machines = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(NUMBERS.glob("*.json"))]
    numbers = "\n".join(map(_machine, machines)) or NOTHING
    return f"{before}{BEGIN}\n{numbers}\n{END}{after}"


def _machine(result: dict[str, Any]) -> str:
    """One machine's part: every section of which there is a number, also of one that ended early."""
    machine = result["machine"]
    versions = f"torch {machine['torch']}, CUDA {machine['cuda']}, cuDNN {machine['cudnn']}"
    lines = [f"## {machine['device']}\n", f"{machine['date']}, {versions}, {machine['cpus']} CPU cores.\n"]
    for section, group in groupby(result["rows"], key=itemgetter("section")):
        lines += [f"### {TITLES[section]}\n", _table(list(group))]
        if section in result["errors"]:
            lines.append(f"The run was cut off here ({result['errors'][section]}).\n")
    return "\n".join(lines)


def _table(rows: list[dict[str, Any]]) -> str:
    """All rows of a section under all of their columns."""
    columns = list(dict.fromkeys(name for row in rows for name in row if name != "section"))
    lines = [f"| {' | '.join(name.replace('_', ' ') for name in columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(_cell(row.get(name)) for name in columns)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    """Three digits are what such a measurement repeats."""
    if not isinstance(value, float):
        return "" if value is None else str(value).replace("|", "/")
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
