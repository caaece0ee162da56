"""`labels.csv`: which image of a folder has which label."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from dalbt_ray.data.prepare.gathering import listed
from dalbt_ray.errors import InputError

LABEL_FILE = "labels.csv"
MOST_BYTES = 256 * 2**20
MOST_PROBLEMS = 100_000
"""Lines that cannot be used, after which no more are read: a small file may hold tens of millions."""

_FORM = "it needs a first line `path,label` or `filename,label`, commas between, in UTF-8"


def read_label_file(path: Path, images: Mapping[str, Path]) -> dict[Path, str | None]:
    """The label of each image that the file names; None where the label is empty.

    A name is a path relative to the file's folder, or the bare name of a file anywhere below it if only one has it.

    Args:
        path: the file.
        images: the files below its folder by relative path, with `/` between the parts.

    Raises:
        InputError: a file that cannot be read or lacks a column; names that are not there, that fit several
            files, or that occur twice: how many (`MOST_PROBLEMS` at most), and the first ones with their lines.
    """
    by_bare_name: dict[str, list[str]] = {}
    for name in images:
        by_bare_name.setdefault(PurePosixPath(name).name, []).append(name)
    labels: dict[Path, str | None] = {}
    lines: dict[str, int] = {}
    problems: list[str] = []
    for line, given, label in _rows(path):
        name = str(PurePosixPath(given))
        if len(problems) == MOST_PROBLEMS:
            break
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
        least = "at least " if len(problems) == MOST_PROBLEMS else ""
        count = f"{least}{len(problems):,} line{'s' if len(problems) > 1 else ''} that cannot be used"
        raise InputError("labels", str(path), f"has {count}:{listed(problems, chr(10) + '  ')}")
    return labels


def _rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, name and label of each row."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("labels", str(path), f"has more than {MOST_BYTES:,} bytes", remedy=_FORM)
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            columns = [column.strip().lower() for column in next(reader, [])]
            names = [column for column in ("path", "filename") if column in columns]
            if len(names) != 1 or "label" not in columns:
                problem = f"has the columns {', '.join(columns) or '(none)'}"
                raise InputError("labels", str(path), problem, remedy=_FORM)
            at = {column: index for index, column in enumerate(columns)}
            for row in filter(None, reader):
                name, label = (
                    row[index].strip() if index < len(row) else "" for index in (at[names[0]], at["label"])
                )
                yield reader.line_num, name, label
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("labels", str(path), f"cannot be read ({error})", remedy=_FORM) from None
