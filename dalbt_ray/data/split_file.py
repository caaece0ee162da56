"""Read our form of an image set: one Parquet file per split, with columns id, image (encoded), label and file.

`<root>/<name>/<split>.parquet`: `id` int64, `image` binary (PNG or JPEG), `label` int32 with -1 for unknown, and where
images came from files of a user, `file` string, nullable. What is known about the set (source, license, class names,
input shape, notes of its preparation) lies in the schema's metadata.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dalbt_ray.data.bounds import refuse_bomb, refuse_odd_file
from dalbt_ray.data.column_batches import bytes_of, column_batches
from dalbt_ray.data.decoding import CHANNELS, LARGEST, SMALLEST, BadImageError, Shape, decode_batch
from dalbt_ray.errors import InputError
from dalbt_ray.results.storage.json_bounds import DESCRIPTION_BYTES, refuse_json_bomb

SCHEMA = pa.schema(
    [pa.field("id", pa.int64()), pa.field("image", pa.binary()), pa.field("label", pa.int32())]
)
FILE = pa.field("file", pa.string())  # the one column that a set may lack
ROWS_PER_GROUP = 1_000
MOST_UNNAMED = 1_000
"""Classes of a set that does not name them: a label of a million would make a network of a million outputs."""

BUFFER = 2**20
"""Bytes of a column that are read ahead: without, a whole row group's, which may be the file."""

_MADE_ANEW = "replace the file, or delete it and run `dalbt data prepare`"


@dataclass(frozen=True)
class SetMetadata:
    """What a file says about its set; empty where it says nothing.

    Attributes:
        source: where the images come from.
        licence: the license: under which terms the images may be used.
        class_names: one name per class, in label order.
        input_shape: (height, width, channels) that networks are fed with.
        notes: what was converted, skipped or set aside when the set was prepared.
    """

    source: str = ""
    licence: str = ""
    class_names: tuple[str, ...] = ()
    input_shape: Shape | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplitImages:
    """One split in memory.

    Attributes:
        name: the set's name, the folder's unless given.
        split: `train` or `test`, the file's stem.
        ids: int64[n], as in the file.
        images: uint8[n, h, w, c].
        labels: int32[n], -1 for unknown.
        sha256: hex digest of the file.
    """

    name: str
    split: str
    ids: NDArray[np.int64]
    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    sha256: str


def read_split(path: Path, *, classes: int | None = None) -> SplitImages:
    """Read and check one split, decoding it in batches straight into the final array.

    Args:
        path: the Parquet file.
        classes: labels must be below this; the number of class names in the file if None, or 1,000 without any.

    Raises:
        InputError: see `read_labels`; or an image that cannot be decoded, is 16-bit or CMYK, or has another
            size than the first one. The message names the file and the row's id.
    """
    ids, labels = read_labels(path, classes=classes)
    images: NDArray[np.uint8] | None = None
    for row, decoded in decoded_batches(path, ids):
        if images is None:
            images = np.empty((len(ids), *decoded.shape[1:]), np.uint8)
        images[row : row + len(decoded)] = decoded
    assert images is not None  # read_labels refuses a file without rows
    return SplitImages(path.parent.name, path.stem, ids, images, labels, file_sha256(path))


def read_labels(path: Path, *, classes: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Ids int64[n] and labels int32[n] of a split, without touching an image.

    Raises:
        InputError: a file that is missing, empty, torn or not Parquet; wrong columns; nulls; no rows;
            repeated ids; labels outside -1..classes-1.
    """
    file = _open(path)
    if classes is None:
        classes = len(read_metadata(path).class_names) or MOST_UNNAMED
    try:
        table = file.read(columns=["id", "label"])
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None
    for column in table.column_names:
        if table[column].null_count:
            raise InputError("data file", str(path), f"has nulls in column {column!r}", remedy=_columns())
    ids, labels = table["id"].to_numpy(), table["label"].to_numpy()
    bad = (labels < -1) | (labels >= classes)
    if bad.any():
        first = int(bad.argmax())
        raise InputError(
            "data file",
            str(path),
            f"holds {int(bad.sum())} labels out of range, the first being {labels[first]} at id {ids[first]}",
            remedy=f"labels must be -1 (unknown) to {classes - 1}; a set of more classes names them in its metadata",
        )
    if len(np.unique(ids)) < len(ids):
        raise InputError("data file", str(path), "repeats an id", remedy="give every row its own id")
    return ids, labels


def read_files(path: Path) -> list[str]:
    """The name that each image's file had when the set was prepared; empty where it is not known.

    Raises:
        InputError: a file that is missing or damaged, or a column `file` that is not text.
    """
    file = _open(path)
    if FILE.name not in file.schema_arrow.names:
        return [""] * file.metadata.num_rows
    try:
        return [name or "" for names in column_batches(path, file, FILE.name) for name in names]
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None


def encoded_batches(path: Path) -> Iterator[list[bytes]]:
    """The image column in row-group-sized lists, in storage order; a null comes as no bytes."""
    file = _open(path)
    try:
        for values in column_batches(path, file, "image"):
            yield list(map(bytes_of, values))
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None


def decoded_batches(
    path: Path, ids: NDArray[np.int64], shape: Shape | None = None
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """First row and images uint8[b, h, w, c] of each batch, in storage order; errors as in `read_split`.

    Args:
        path: the Parquet file.
        ids: int64[n], what its rows are called in messages.
        shape: what every image must have; the first image's shape if None.
    """
    row = 0
    for encoded in encoded_batches(path):
        try:
            images = decode_batch(encoded, shape)
        except BadImageError as error:
            raise _bad_image(path, ids[row + error.position], error) from None
        shape = shape or (images.shape[1], images.shape[2], images.shape[3])
        yield row, images
        row += len(images)


def stored_shape(path: Path) -> Shape:
    """(height, width, channels) of a split's first image; errors as in `read_split`."""
    ids, encoded = read_labels(path)[0], next(encoded_batches(path))[0]
    try:
        height, width, channels = decode_batch([encoded]).shape[1:]
    except BadImageError as error:
        raise _bad_image(path, ids[0], error) from None
    return height, width, channels


def read_metadata(path: Path) -> SetMetadata:
    """What the file's footer says about the set."""
    raw = open_parquet(path).schema_arrow.metadata or {}
    try:
        for document in raw.values():
            refuse_json_bomb(document, DESCRIPTION_BYTES)
        shape = json.loads(raw.get(b"input_shape", b"null"))
        return SetMetadata(
            source=raw.get(b"source", b"").decode(),
            licence=raw.get(b"licence", b"").decode(),
            class_names=tuple(map(str, json.loads(raw.get(b"class_names", b"[]")))),
            input_shape=_possible_shape(shape) if shape else None,
            notes=tuple(map(str, json.loads(raw.get(b"notes", b"[]")))),
        )
    except (ValueError, TypeError, LookupError, RecursionError):
        problem = "has unreadable metadata (source, licence, class_names, input_shape, notes)"
        raise InputError("data file", str(path), problem, remedy=_MADE_ANEW) from None


def _possible_shape(stated: Any) -> Shape:
    height, width, channels = map(int, stated)
    if not (SMALLEST <= height <= LARGEST and SMALLEST <= width <= LARGEST and channels in CHANNELS.values()):
        raise ValueError("no image has that shape")
    return height, width, channels


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open any Parquet file; only its footer is read.

    Raises:
        InputError: missing, 0 bytes, no whole Parquet file, or one that unpacks to more than images can.
    """
    try:
        refuse_odd_file(path)
        if path.stat().st_size == 0:
            raise InputError("data file", str(path), "is empty (0 bytes)", remedy=_MADE_ANEW)
        file = pq.ParquetFile(path, buffer_size=BUFFER)
    except FileNotFoundError:
        raise InputError(
            "data file", str(path), "does not exist", remedy="run `dalbt data list` to see what is there"
        ) from None
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None
    refuse_bomb(path, file)
    return file


def _open(path: Path) -> pq.ParquetFile:
    file = open_parquet(path)
    found = file.schema_arrow
    for field in (*SCHEMA, FILE):
        if field.name not in found.names and field is not FILE:
            raise InputError("data file", str(path), f"has no column {field.name!r}", remedy=_columns())
        if field.name in found.names and found.field(field.name).type != field.type:
            wrong = f"has column {field.name!r} as {found.field(field.name).type}, not {field.type}"
            raise InputError("data file", str(path), wrong, remedy=_columns())
    if file.metadata.num_rows == 0:
        raise InputError("data file", str(path), "has no rows", remedy=_MADE_ANEW)
    return file


def _bad_image(path: Path, row_id: np.int64, error: BadImageError) -> InputError:
    return InputError(
        "data file",
        str(path),
        f"holds a bad image: the one with id {row_id} {error.problem}",
        remedy="fix or remove that row; `dalbt data prepare FOLDER` converts sizes and modes",
    )


def _columns() -> str:
    wanted = ", ".join(f"{field.name} {field.type}" for field in SCHEMA)
    return f"columns must be {wanted}; `dalbt data prepare FOLDER` converts Parquet files"


def damaged(path: Path, error: Exception) -> InputError:
    """The refusal of a file that Arrow cannot read."""
    reason = str(error).splitlines()[0][:160]
    return InputError("data file", str(path), f"is damaged or no Parquet file ({reason})", remedy=_MADE_ANEW)
