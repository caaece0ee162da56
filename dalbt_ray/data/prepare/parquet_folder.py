"""A user's own Parquet files: an image column and a label column, in a few common types."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dalbt_ray.data.column_batches import bytes_of, column_batches, holds_bytes
from dalbt_ray.data.prepare.gathering import MOST_CLASSES, FoundSet, Gathered, ordered_class_names
from dalbt_ray.data.split_file import damaged, open_parquet, read_metadata
from dalbt_ray.errors import InputError

UNLABELED = "unlabeled"
_FORM = "columns must be image (binary, or struct with a field bytes) and label (integer or text)"


def gather_parquet(folder: Path) -> FoundSet:
    """Find `train.parquet` and, if there, `test.parquet` and `unlabeled.parquet`; or one Parquet file of any name.

    Labels as text are mapped to 0, 1, ... in the order of `ordered_class_names`; integer labels stay as they are. File
    names are taken from a column `file`, or from the field `path` of an image struct.

    Raises:
        InputError: several files and no `train.parquet`, a damaged file, wrong columns, nulls, or labels that are
            out of range.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.parquet"))}
    if "train" in files:
        paths = {split: path for split, path in files.items() if split in ("train", "test", UNLABELED)}
    elif len(files) == 1:
        paths = {"train": next(iter(files.values()))}
    else:
        problem = f"holds {len(files)} Parquet files, none named train.parquet"
        raise InputError("folder", str(folder), problem, remedy="name them train.parquet and test.parquet")
    labels = {split: _labels(path) for split, path in paths.items() if split != UNLABELED}
    kinds = {isinstance(label, str) for values in labels.values() for label in values}
    if len(kinds) > 1:
        raise InputError("folder", str(folder), "has labels as text in one file and as numbers in the other")
    if kinds == {True}:
        names = ordered_class_names(str(folder), (name for values in labels.values() for name in values))
        index = {name: label for label, name in enumerate(names)}
        labels = {split: [index[name] for name in values] for split, values in labels.items()}
        notes: tuple[str, ...] = ("labels as text were mapped to numbers",)
    else:
        names, notes = _integer_classes(paths, labels), ()
    if UNLABELED in paths:
        labels[UNLABELED] = [-1] * open_images(paths[UNLABELED]).metadata.num_rows
    splits = {
        split: Gathered(
            names=[f"{path.name} row {row}" for row in range(len(labels[split]))],
            labels=labels[split],
            read=_Reader(path),
            files=_files(path),
        )
        for split, path in paths.items()
    }
    return FoundSet(splits, names, notes)


class _Reader:
    """Reads the image column of a file each time it is called."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> Iterator[bytes]:
        try:
            for values in column_batches(self.path, open_parquet(self.path), "image"):
                yield from map(bytes_of, values)
        except (pa.ArrowException, OSError) as error:
            raise damaged(self.path, error) from None


def _labels(path: Path) -> list[Any]:
    file = open_images(path)
    _check_column(path, file, "label", _holds_labels)
    return _read_labels(path, file)


def open_images(path: Path) -> pq.ParquetFile:
    """A file with a column of encoded images.

    Raises:
        InputError: see `open_parquet`; or it has no such column.
    """
    file = open_parquet(path)
    _check_column(path, file, "image", holds_bytes)
    return file


def _check_column(path: Path, file: pq.ParquetFile, name: str, fits: Callable[[pa.DataType], bool]) -> None:
    schema = file.schema_arrow
    if name not in schema.names:
        problem = f"has columns {', '.join(schema.names)}, but none named {name!r}"
        raise InputError("data file", str(path), problem, remedy=_FORM)
    if not fits(schema.field(name).type):
        problem = f"has column {name!r} as {schema.field(name).type}"
        raise InputError("data file", str(path), problem, remedy=_FORM)


def _files(path: Path) -> list[str] | None:
    file = open_parquet(path)
    schema, image = file.schema_arrow, file.schema_arrow.field("image").type
    column = ""
    if "file" in schema.names and _is_text(schema.field("file").type):
        column = "file"
    elif pa.types.is_struct(image) and any(field.name == "path" and _is_text(field.type) for field in image):
        column = "image.path"
    if not column:
        return None
    try:
        values = [value for values in column_batches(path, file, column) for value in values]
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None
    return [(value.get("path") if isinstance(value, dict) else value) or "" for value in values]


def _read_labels(path: Path, file: pq.ParquetFile) -> list[Any]:
    once: dict[Any, Any] = {}  # every text is kept once, however many rows have it
    labels: list[Any] = []
    try:
        for values in column_batches(path, file, "label"):
            labels += [once.setdefault(value, value) for value in values]
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None
    if nulls := labels.count(None):
        problem = f"has {nulls} nulls in column 'label'"
        raise InputError("data file", str(path), problem, remedy="use -1 for unknown labels")
    return labels


def _holds_labels(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind)) or _is_text(kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _integer_classes(paths: dict[str, Path], labels: dict[str, list[int]]) -> tuple[str, ...]:
    stated = read_metadata(paths["train"]).class_names
    most = len(stated) or MOST_CLASSES
    for split, values in labels.items():
        bad = [label for label in values if not -1 <= label < most]
        if bad:
            problem = f"holds {len(bad)} labels out of range, the first being {bad[0]}"
            remedy = f"labels must be -1 (unknown) to {most - 1}"
            raise InputError("data file", str(paths[split]), problem, remedy=remedy)
    return stated or tuple(map(str, range(max(max(values) for values in labels.values()) + 1)))
