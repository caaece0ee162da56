"""`labels.csv`: which image of a folder has which label."""

import csv
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from dalbt_ray.data.prepare.gathering import listed
from dalbt_ray.errors import InputError

LABEL_FILE = "labels.csv"
MOST_BYTES = 256 * 2**20
_FORM = "it needs a first line `path,label` or `filename,label`, commas between, in UTF-8"


def read_label_file(path: Path, images: Mapping[str, Path]) -> dict[Path, str | None]:
    """The label of each image that the file names; None where the label is empty.

    A name is a path relative to the file's folder, or the bare name of a file anywhere below it if only one has it.

    Args:
        path: the file.
        images: the files below its folder by relative path, with `/` between the parts.

    Raises:
        InputError: a file that cannot be read or lacks a column; names that are not there, that fit several
            files, or that occur twice: how many, and the first ones with their lines.
    """
    by_bare_name: dict[str, list[str]] = {}
    for name in images:
        by_bare_name.setdefault(PurePosixPath(name).name, []).append(name)
    labels: dict[Path, str | None] = {}
    lines: dict[str, int] = {}
    problems = []
    for line, given, label in _rows(path):
        name = str(PurePosixPath(given))
        fitting = [name] if name in images else by_bare_name.get(name, [])
        if len(fitting) != 1:
            fits = f"fits {len(fitting)} files; give its path" if fitting else "is not in the folder"
            problems.append(f"line {line}: {given!r} {fits}")
        elif fitting[0] in lines:
            problems.append(f"line {line}: {given!r} is in line {lines[fitting[0]]} already")
        else:
            lines[fitting[0]] = line
            labels[images[fitting[0]]] = label or None
    if problems:
        count = f"{len(problems):,} line{'s' if len(problems) > 1 else ''} that cannot be used"
        raise InputError("labels", str(path), f"has {count}:{listed(problems, chr(10) + '  ')}")
    return labels


def _rows(path: Path) -> list[tuple[int, str, str]]:
    """Line, name and label of each row."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("labels", str(path), f"has more than {MOST_BYTES:,} bytes", remedy=_FORM)
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = [column.strip().lower() for column in reader.fieldnames or []]
            reader.fieldnames = columns
            names = [column for column in ("path", "filename") if column in columns]
            if len(names) != 1 or "label" not in columns:
                problem = f"has the columns {', '.join(columns) or '(none)'}"
                raise InputError("labels", str(path), problem, remedy=_FORM)
            return [
                (reader.line_num, (row[names[0]] or "").strip(), (row["label"] or "").strip())
                for row in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("labels", str(path), f"cannot be read ({error})", remedy=_FORM) from None
