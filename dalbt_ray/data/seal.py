"""What a set was when it was prepared, in a file beside it: a change since then is found, and named.

`<root>/<name>/seal.json` has, for each split, the SHA-256 of the file's bytes, how many rows it has, and how many of
each class. It guards against accidents: a file that was copied over, edited, cut off. Who can write to the set
can write to the seal too. A set without one is used as it is, with a note.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dalbt_ray.data.split_file import file_sha256, read_labels, read_metadata
from dalbt_ray.data.whole_file import whole_file
from dalbt_ray.errors import InputError

SEAL = "seal.json"
FORMAT = {"format": "dalbt-data-seal", "version": 1}
MOST_BYTES = 16 * 2**20
"""Of a seal; with a thousand classes it has some kilobytes."""


@dataclass(frozen=True)
class SealedSplit:
    """One split as it was.

    Attributes:
        sha256: hex digest of the file's bytes.
        rows: images.
        classes: how many images have which label, by label as text; "-1" for unknown.
        class_names: as the file states them.
    """

    sha256: str
    rows: int
    classes: dict[str, int]
    class_names: tuple[str, ...]


def describe_split(path: Path) -> SealedSplit:
    """A split as it is now; errors as in `read_labels`."""
    labels = read_labels(path)[1]
    values, counts = np.unique(labels, return_counts=True)
    classes = {str(value): int(count) for value, count in zip(values, counts, strict=True)}
    return SealedSplit(file_sha256(path), len(labels), classes, read_metadata(path).class_names)


def write_seal(folder: Path) -> None:
    """Seal the splits in `folder` as they are; the seal appears whole, and lasts."""
    splits = {path.stem: asdict(describe_split(path)) for path in sorted(folder.glob("[!.]*.parquet"))}
    with whole_file(folder / SEAL) as file:
        file.write(json.dumps({**FORMAT, "splits": splits}, indent=1, ensure_ascii=False).encode())


def read_seal(folder: Path) -> dict[str, SealedSplit] | None:
    """What the splits of a folder were, by name; None if it has no seal.

    Raises:
        InputError: a seal that cannot be read, or of another version.
    """
    path = folder / SEAL
    try:
        with path.open("rb") as file:
            told: Any = json.loads(file.read(MOST_BYTES))
        _refuse_unless(FORMAT.items() <= told.items())
        return {
            str(split): SealedSplit(
                str(each["sha256"]),
                int(each["rows"]),
                {str(label): int(count) for label, count in each["classes"].items()},
                tuple(map(str, each["class_names"])),
            )
            for split, each in told["splits"].items()
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise InputError(
            "data seal",
            str(path),
            "cannot be read",
            remedy="restore it, or make it anew: dalbt data verify --seal",
        ) from None


def _refuse_unless(known: bool) -> None:
    if not known:
        raise ValueError("another format or version")


def check_seal(path: Path, sha256: str) -> bool:
    """Whether a split's file is what was sealed; False if nothing was sealed.

    Args:
        path: the file.
        sha256: hex digest of it now.

    Raises:
        InputError: it is something else; names what changed.
    """
    sealed = (read_seal(path.parent) or {}).get(path.stem)
    if sealed is None:
        return False
    if sealed.sha256 != sha256:
        raise InputError(
            "data file",
            str(path),
            f"is not what was sealed: {changes(sealed, path)}",
            remedy="restore it; or, if it is meant to be another set from now on, seal it again: "
            f"dalbt data verify {path.parent.name} --seal",
        )
    return True


def changes(sealed: SealedSplit, path: Path) -> str:
    """What is different about a split whose bytes are."""
    try:
        now = describe_split(path)
    except InputError as error:
        return f"it cannot be read any more ({error})"
    found = []
    if now.rows != sealed.rows:
        found.append(f"{sealed.rows:,} rows have become {now.rows:,}")
    if now.class_names != sealed.class_names:
        found.append("the class names changed")
    if moved := _moved(sealed.classes, now.classes):
        found.append(moved)
    return (
        "; ".join(found) or "rows and labels' counts are the same, so images, single labels or notes changed"
    )


def _moved(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    labels = sorted({*before, *now}, key=int)
    told = [
        f"class {label} has {now.get(label, 0):,} images instead of {before.get(label, 0):,}"
        for label in labels
        if before.get(label, 0) != now.get(label, 0)
    ]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return ", ".join(told[:3]) + more
