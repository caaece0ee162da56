"""Parquet files whose footer or page headers say less than what is read of them."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dalbt_ray.data.split_file import SCHEMA, read_labels
from dalbt_ray.data.thumbnails import encoded_images
from dalbt_ray.errors import InputError
from dalbt_ray.results import parquet_bounds
from dalbt_ray.results.parquet_form import decode
from dalbt_ray.results.parquet_pages import pages
from dalbt_ray.results.storage.sealed import NewerFormatError

FILE_ROWS, COLUMN_VALUES = 0, 1
"""Which of the places in a footer of one column and row group that have the number of rows."""


def written(table: pa.Table, **options: object) -> bytes:
    """A Parquet file of it."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", store_schema=False, **options)
    return bytes(sink.getvalue().to_pybytes())


def understated(data: bytes, count: int, *places: int) -> bytes:
    """The file with 1 in some of the places where its footer has `count`; the length of the numbers stays."""
    length = int.from_bytes(data[-8:-4], "little") + 8
    true = varint(2 * count)
    short = bytes([130, *[128] * (len(true) - 2), 0])
    first, *rest = data[-length:].split(true)
    return (
        data[:-length]
        + first
        + b"".join((short if place in places else true) + part for place, part in enumerate(rest))
    )


def varint(value: int) -> bytes:
    """As Thrift has it."""
    parts = [value >> shift & 127 for shift in range(0, 64, 7) if value >> shift]
    return bytes([*(part | 128 for part in parts[:-1]), parts[-1]])


def test_long_texts_that_the_footer_does_not_count() -> None:
    """20,000 rows name one text of 100 kB, and the footer says that the column has one value: 1.9 GiB were read."""
    text = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), pa.array(["x" * 100_000]))
    data = understated(written(pa.table({"trial_id": text})), 20_000, COLUMN_VALUES)
    metadata = pq.read_metadata(io.BytesIO(data))
    assert metadata.row_group(0).column(0).num_values == 1
    assert metadata.row_group(0).num_rows == 20_000
    with pytest.raises(NewerFormatError, match="unpacks to"):
        decode("rounds", data)


def test_numbers_in_one_list_that_the_footer_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row whose list has a million numbers, in some hundred bytes; the footer says one number."""
    monkeypatch.setattr(parquet_bounds, "UNPACKED_BYTES", 7_000_000)
    count = 1_000_000
    column = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), np.full(count, 3.5))
    data = understated(written(pa.table({"x": column}), write_batch_size=count), count, 0, 1, 2, 3)
    metadata = pq.read_metadata(io.BytesIO(data))
    assert metadata.row_group(0).column(0).num_values == 1
    assert len(data) < 1_000
    with pytest.raises(NewerFormatError, match="unpacks to"):
        decode("rounds", data)


def test_rows_that_only_the_row_groups_count(tmp_path: Path) -> None:
    """The footer has the number of rows twice; a file of images that says 1 and then a million is refused."""
    path, count = tmp_path / "train.parquet", 1_000_000
    same = pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([b"x"]))
    columns = [np.zeros(count, np.int64), same, np.zeros(count, np.int32)]
    data = written(pa.table(columns, SCHEMA.names), max_rows_per_page=count)
    path.write_bytes(understated(data, count, FILE_ROWS))
    assert pq.read_metadata(path).num_rows == 1
    with pytest.raises(InputError, match="claims 1,000,000 rows"):
        read_labels(path)


def test_a_list_beside_an_image_is_no_place_for_a_million_numbers(tmp_path: Path) -> None:
    """In one row of it."""
    path, count = tmp_path / "train.parquet", 1_000_000
    numbers = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), np.full(count, 3.5))
    image = pa.StructArray.from_arrays([pa.array([b"x"]), numbers], ["bytes", "other"])
    path.write_bytes(written(pa.table({"id": [0], "image": image, "label": pa.array([0], pa.int32())})))
    with pytest.raises(InputError, match=r"has 1,000,00\d values"):
        read_labels(path)


def test_a_table_of_empty_pages_is_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs a look."""
    monkeypatch.setattr(parquet_bounds, "MOST_PAGES", 10)
    data = written(pa.table({"x": range(100)}), max_rows_per_page=5, write_batch_size=1)
    with pytest.raises(NewerFormatError, match="more than 10 pages"):
        decode("rounds", data)


def test_pictures_for_a_page_take_little_memory(tmp_path: Path) -> None:
    """A dictionary makes 200 MB of some kilobytes: `encoded_images` read them all for one of them."""
    path = tmp_path / "train.parquet"
    same = pa.DictionaryArray.from_arrays(np.zeros(200, np.int32), pa.array([bytes(1_000_000)]))
    columns = [np.arange(200), same, np.zeros(200, np.int32)]
    path.write_bytes(written(pa.table(columns, SCHEMA.names)))
    with pytest.raises(InputError, match="again and again"):
        encoded_images(path, [199])


def header_pages(header: bytes) -> list[int]:
    """What the pages of a column unpack to, where `header` stands for that of its first page."""
    data = bytearray(written(pa.table({"number": np.arange(20_000)})))
    metadata = pq.read_metadata(io.BytesIO(bytes(data)))
    place = metadata.row_group(0).column(0).dictionary_page_offset
    data[place : place + len(header)] = header
    return [page.unpacked for page in pages(io.BytesIO(bytes(data)), metadata, ["number"])]


def test_lists_in_lists_without_end() -> None:
    """They ended in a RecursionError."""
    with pytest.raises(ValueError, match="nested without end"):
        header_pages(b"\x19" * 20_000)


def test_a_size_beyond_32_bits_is_none() -> None:
    """Arrow cuts it down to 32 bits and reads on, where we believed the page to end behind the column."""
    for packed in (2**32 + 20, 2**31):
        header = b"\x15\x00\x15\x02\x15" + varint(2 * packed) + b"\x00"
        with pytest.raises(ValueError, match="does not say its size"):
            header_pages(header)


def test_fields_are_told_by_their_whole_number_too() -> None:
    """Thrift's long form, in any order; it was taken for a distance, so that Arrow read another size than we."""
    header = b"\x05\x06" + varint(2 * 200_000) + b"\x05\x04" + varint(2 * 77) + b"\x05\x02\x00\x00"
    assert header_pages(header) == [77]


def test_a_field_of_another_type_is_skipped_as_arrow_skips_it() -> None:
    """A second size, of 64 bits, does not replace the first one."""
    sizes = b"\x15\x00\x15" + varint(2 * 77) + b"\x15" + varint(2 * 200_000)
    assert header_pages(sizes + b"\x06\x04\x02" + b"\x00") == [77]
