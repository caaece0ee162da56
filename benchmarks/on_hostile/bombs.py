"""Small files that claim to be large ones: Parquet, JSON, images."""

import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, PngImagePlugin

SPARSE = 10 * 10**9
"""Bytes of a file that takes no place on the disk."""

MOST_PIXELS = (9_459, 9_459)
"""The largest square that Pillow's limit lets pass."""


def repeated(value: str | bytes | int, rows: int, kind: pa.DataType) -> pa.Array:
    """A column of equal values that Parquet writes in a few bytes: a dictionary of one."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value], kind))


def parquet(columns: dict[str, pa.Array], times: int = 1, **options: object) -> bytes:
    """A Parquet file of one row group for each of `times` the same columns."""
    sink = pa.BufferOutputStream()
    table = pa.table(columns)
    with pq.ParquetWriter(sink, table.schema, compression="zstd", store_schema=False, **options) as writer:
        for _ in range(times):
            writer.write_table(table, row_group_size=max(1, len(table)))
    return bytes(sink.getvalue().to_pybytes())


def modest(data: bytes) -> bytes:
    """The same Parquet file with a footer that understates what its columns unpack to: one byte each.

    The numbers keep their length, as variable-length integers may be padded; the pages' own headers tell the truth.
    """
    metadata = pq.ParquetFile(pa.BufferReader(data)).metadata
    footer = int.from_bytes(data[-8:-4], "little") + 8
    head, tail = data[:-footer], data[-footer:]
    for group in range(metadata.num_row_groups):
        found = metadata.row_group(group)
        sizes = {found.column(each).total_uncompressed_size for each in range(found.num_columns)}
        for size in {*sizes, found.total_byte_size}:
            tail = tail.replace(_varint(2 * size), _varint(2, len(_varint(2 * size))))
    return head + tail


def nested(depth: int) -> bytes:
    """A column of lists in lists in lists."""
    kind: pa.DataType = pa.int32()
    for _ in range(depth):
        kind = pa.list_(kind)
    return parquet(
        {"trial_id": pa.array([None], kind), "image": pa.array([None], kind), "label": pa.array([0])}
    )


def wide(columns: int) -> bytes:
    """A schema of many columns."""
    return parquet({f"c{each}": pa.array([0], pa.int8()) for each in range(columns)})


def described(size: int) -> bytes:
    """Metadata of `size` bytes."""
    table = pa.table({"trial_id": ["x"], "image": [b"x"], "label": [0]}).replace_schema_metadata(
        {"notes": "x" * size}
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def sparse(path: Path, head: bytes = b"", tail: bytes = b"") -> None:
    """A file of 10 GB of nothing between two ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(SPARSE)
        file.seek(SPARSE - len(tail))
        file.write(tail)


def png(mode: str, size: tuple[int, int] = MOST_PIXELS) -> bytes:
    """A picture of one color, a thousandth of its pixels' size."""
    return _saved(Image.new(mode, size), "PNG", compress_level=1)


def jpeg(size: tuple[int, int] = MOST_PIXELS) -> bytes:
    """A progressive JPEG of one color: all its coefficients are kept while it is decoded."""
    return _saved(Image.new("RGB", size), "JPEG", progressive=True)


def beyond() -> bytes:
    """A PNG whose header claims 100,000 x 100,000 pixels."""
    data = png("L", (8, 8))
    head = b"IHDR" + (100_000).to_bytes(4, "big") * 2 + data[24:29]
    return data[:12] + head + zlib.crc32(head).to_bytes(4, "big") + data[33:]


def annotated() -> bytes:
    """A PNG with a hundred compressed texts of 50 MB."""
    info = PngImagePlugin.PngInfo()
    for each in range(100):
        info.add_text(f"text{each}", "x" * 50_000_000 if each < 1 else "x" * 1_000_000, zip=True)
    return _saved(Image.new("L", (32, 32)), "PNG", pnginfo=info)


def photographs(count: int, size: int) -> Sequence[bytes]:
    """Encoded images that do not shrink when packed: a real PNG, then noise that decoders skip."""
    rng = np.random.default_rng(0)
    small = png("L", (32, 32))
    return [small + rng.bytes(size) for _ in range(count)]


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _varint(value: int, length: int = 0) -> bytes:
    parts = []
    while value > 0x7F or len(parts) + 1 < length:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
