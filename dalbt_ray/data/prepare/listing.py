"""What `dalbt data list` and `dalbt data prepare` say."""

from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow.parquet as pq

from dalbt_ray.data.catalog import EMBEDDED, KNOWN_SETS
from dalbt_ray.data.decoding import describe
from dalbt_ray.data.prepare.folder_options import FolderOptions
from dalbt_ray.data.prepare.folders import EVERY_DEFAULT, prepare_folder
from dalbt_ray.data.prepare.torchvision_sets import prepare_known
from dalbt_ray.data.sources import find_set, set_names
from dalbt_ray.data.split_file import file_sha256, stored_shape
from dalbt_ray.errors import InputError


@dataclass(frozen=True)
class Listed:
    """One split of a set that is there.

    Attributes:
        name, split: which.
        images: how many.
        shape: of the stored images, as text.
        classes: how many.
        licence: the license, as stated.
        sha256: the first 16 hex digits of the file's hash.
        where: the file.
        problem: why it cannot be used; empty if it can, and then everything else is filled in.
    """

    name: str
    split: str = ""
    images: int = 0
    shape: str = ""
    classes: int = 0
    licence: str = ""
    sha256: str = ""
    where: str = ""
    problem: str = ""


def list_sets(data_root: Path | None) -> list[Listed]:
    """Every split of every set; a known set that is not there, or a damaged file, has a row with its problem."""
    rows = []
    for name in set_names(data_root):
        try:
            files = find_set(name, data_root)
            rows += [_listed(name, path, len(files.class_names), files.licence) for path in files.paths]
        except InputError as error:
            here = data_root is not None and (data_root / name).is_dir()
            rows.append(Listed(name, problem=str(error) if here else f"not here: dalbt data prepare {name}"))
    return rows


def data_list(data_root: Path | None) -> str:
    """The sets as a human-readable table; the data root is named first."""
    header = ("name", "split", "images", "pixels", "classes", "sha256", "license")
    rows = list_sets(data_root)
    table = [
        (r.name, r.split, f"{r.images:,}", r.shape, str(r.classes), r.sha256, r.licence.split(";")[0])
        for r in rows
        if not r.problem
    ]
    widths = [max(map(len, column)) for column in zip(header, *table, strict=True)]
    lines = [f"data root: {data_root or 'none'}"]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in (header, *table)
    ]
    lines += [f"{r.name}: {r.problem}" for r in rows if r.problem]
    return "\n".join(lines)


def data_prepare(
    name_or_folder: str, name: str, data_root: Path, options: FolderOptions = EVERY_DEFAULT
) -> str:
    """Get a known set, or convert a folder; returns what was done, human-readable.

    Args:
        name_or_folder: a known set's name (unless `name` is given too), or a folder.
        name: of the folder's set; empty for the folder's own name.
        data_root: where sets lie.
        options: for a folder.

    Raises:
        InputError: see `prepare_known` and `prepare_folder`; neither a known set nor a folder; or options for a
            known set.
    """
    if name_or_folder in KNOWN_SETS and not name:
        for each in fields(options):
            if (given := getattr(options, each.name)) != each.default:
                problem = f"is for a folder, and {name_or_folder} is a known set"
                raise InputError(
                    each.name, given, problem, remedy="leave it out, or give the folder a --name"
                )
        return _prepare_named(name_or_folder, data_root)
    folder = Path(name_or_folder).expanduser()
    if not folder.is_dir():
        raise InputError(
            "NAME_OR_FOLDER", name_or_folder, "is neither a known set nor a folder", allowed=KNOWN_SETS
        )
    done = prepare_folder(folder, name or folder.resolve().name, data_root, options)
    if {"train", "test"} <= done.counts.keys() and len(done.class_names) > 1:
        return f"{done}\nuse it in a sweep: --dataset {done.name}"
    return f"{done}\nuse it as an OOD source: ood={done.name!r}"


def _prepare_named(name: str, data_root: Path) -> str:
    if name in EMBEDDED:
        return f"{name} comes with the package: nothing to do"
    written = prepare_known(name, data_root)
    if not written:
        return f"{name} is in {data_root / name}: nothing to do"
    return f"{name}: wrote {', '.join(map(str, written))}\nlicense: {KNOWN_SETS[name].licence}"


def _listed(name: str, path: Path, classes: int, licence: str) -> Listed:
    return Listed(
        name=name,
        split=path.stem,
        images=pq.read_metadata(path).num_rows,
        shape=describe(stored_shape(path)),
        classes=classes,
        licence=licence,
        sha256=file_sha256(path)[:16],
        where=str(path),
    )
