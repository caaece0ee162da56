"""The headers of Parquet's pages, as they are and as an attacker writes them."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dalbt_ray.results.parquet_pages import pages


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_add_up_to_what_the_footer_says(tmp_path: Path, version: str) -> None:
    """Of an honest file: all pages unpacked, and their headers, are the footer's uncompressed size."""
    path = tmp_path / "honest.parquet"
    numbers = np.arange(50_000)
    table = pa.table(
        {"number": numbers, "text": [f"a longer name {n % 1_000}" for n in numbers], "flag": numbers > 3}
    )
    pq.write_table(table, path, compression="zstd", row_group_size=20_000, data_page_version=version)
    metadata = pq.read_metadata(path)
    with path.open("rb") as file:
        found = list(pages(file, metadata, table.column_names))
        only = list(pages(file, metadata, ["text"]))
    said = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    assert 0 <= said - sum(page.unpacked for page in found) < 200 * len(found)
    assert sum(page.is_dictionary for page in only) == metadata.num_row_groups
    assert len(only) < len(found)


@pytest.mark.parametrize("element", [1, 3, 7, 8, 12])
def test_a_list_of_more_elements_than_bytes(tmp_path: Path, element: int) -> None:
    """A header whose list claims 2**60 truths, bytes, doubles, texts or structs is refused, not stepped through."""
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"number": [1]}), path)
    count = bytes([*[128] * 8, 16])
    hostile = bytes([0x19, 0xF0 | element]) + count
    metadata = pq.read_metadata(path)
    place = metadata.row_group(0).column(0).dictionary_page_offset
    assert place is not None
    whole = bytearray(path.read_bytes())
    whole[place : place + len(hostile)] = hostile
    with pytest.raises(ValueError, match=r"page's header"):
        list(pages(io.BytesIO(bytes(whole)), metadata, ["number"]))
