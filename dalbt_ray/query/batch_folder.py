"""The folder that a query hands out: written whole under another name, then renamed."""

import csv
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from dalbt_ray.data.decoding import BadImageError
from dalbt_ray.data.prepare.conversion import header_size
from dalbt_ray.data.whole_file import sync_folder
from dalbt_ray.errors import InputError
from dalbt_ray.query import label_studio
from dalbt_ray.query.annotation_files import coco, cvat
from dalbt_ray.query.batch import Batch
from dalbt_ray.query.batch_rows import CSV_COLUMNS, csv_rows
from dalbt_ray.query.contact_sheet import contact_sheet
from dalbt_ray.query.pool_places import Pool

BATCH = "batch.json"
_FILES = {
    "batch.csv",
    "near_copies.csv",
    "index.html",
    "label_studio.json",
    "label_studio.xml",
    "coco.json",
    "cvat.xml",
    BATCH,
}


def check_out(out: Path, number: int, pool: Pool) -> None:
    """Refuse a folder with other files in it, answers above all; that of a query that was killed is replaced.

    Raises:
        InputError: names the folder.
    """
    if out.is_dir() and not any(out.iterdir()):
        return
    ours = out.is_dir() and {path.name for path in out.iterdir()} <= _FILES
    if out.exists() and not (ours and _head(out) == {"batch": number, "pool": pool.location}):
        remedy = "name another folder (--out), or remove it"
        raise InputError("out", str(out), "exists and holds something else", remedy=remedy)


def write_batch(out: Path, batch: Batch) -> None:
    """Write `batch.csv`, `near_copies.csv`, the contact sheet, what other tools read, and `batch.json`.

    Raises:
        InputError: see `check_out`.
    """
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _write_csv(partial / "batch.csv", CSV_COLUMNS, csv_rows(batch.rows))
    pairs = [
        (row.id, row.path, copy, f"{cosine:.4f}")
        for row in batch.rows
        for copy, cosine in (*((path, 1.0) for path in row.same_bytes), *row.near_copies)
    ]
    _write_csv(partial / "near_copies.csv", ("id", "path", "copy", "cosine"), pairs)
    _write_exchange(partial, batch)
    (partial / "index.html").write_text(contact_sheet(batch), encoding="utf-8")
    (partial / BATCH).write_text(json.dumps({"batch": batch.number, "pool": batch.pool.location}) + "\n")
    check_out(out, batch.number, batch.pool)  # again: hours may have passed, and somebody may have answered
    if out.exists():
        shutil.rmtree(out)
    partial.rename(out)
    sync_folder(out.parent)


def _write_exchange(folder: Path, batch: Batch) -> None:
    sizes = {row.path: _size(batch.pool, row.path) for row in batch.rows}
    tasks = label_studio.tasks(batch.number, batch.rows)
    for name, content in (
        ("label_studio.json", tasks),
        ("coco.json", coco(batch.rows, batch.classes, sizes)),
    ):
        (folder / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "label_studio.xml").write_text(label_studio.labeling_config(batch.classes), encoding="utf-8")
    (folder / "cvat.xml").write_bytes(cvat(batch.number, batch.rows, batch.classes, sizes))


def _size(pool: Pool, path: str) -> tuple[int, int]:
    """(height, width); zeros if the file went away since it was embedded."""
    try:
        return header_size(pool.read(path)) or (0, 0)
    except (OSError, BadImageError):
        return 0, 0


def _head(out: Path) -> object:
    try:
        return json.loads((out / BATCH).read_text())
    except (OSError, ValueError):
        return None


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
