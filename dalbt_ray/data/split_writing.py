"""Write one split of an image set in our Parquet form: whole or not at all, the same input as the same bytes."""

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dalbt_ray.data.split_file import FILE, ROWS_PER_GROUP, SCHEMA, SetMetadata
from dalbt_ray.data.whole_file import whole_file


def write_split(
    path: Path,
    ids: NDArray[np.int64],
    encoded: Iterable[bytes],
    labels: NDArray[np.integer[Any]],
    metadata: SetMetadata,
    files: Sequence[str | None] | None = None,
) -> None:
    """Write one split, whole or not at all; the same input gives the same bytes.

    Args:
        path: `<root>/<name>/<split>.parquet`; parents are made.
        ids: int64[n], distinct.
        encoded: n images as PNG or JPEG bytes; read once, in order, a row group at a time.
        labels: int[n], -1 for unknown.
        metadata: kept in the schema.
        files: n file names, None where there was no file; without them the split has no column `file`.
    """
    schema = (SCHEMA if files is None else SCHEMA.append(FILE)).with_metadata(_described(metadata))
    with whole_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        images = iter(encoded)
        for start in range(0, len(ids), ROWS_PER_GROUP):
            rows = slice(start, start + ROWS_PER_GROUP)
            group: dict[str, Any] = {
                "id": ids[rows],
                "image": list(islice(images, ROWS_PER_GROUP)),
                "label": labels[rows],
            }
            if files is not None:
                group[FILE.name] = list(files[rows])
            writer.write_table(pa.table(group, schema=schema))


def _described(metadata: SetMetadata) -> dict[str, str]:
    described = {
        "source": metadata.source,
        "licence": metadata.licence,
        "class_names": json.dumps(metadata.class_names, ensure_ascii=False),
        "input_shape": json.dumps(metadata.input_shape),
    }
    if metadata.notes:  # only then: the bytes of a set without notes stay those of older versions
        described["notes"] = json.dumps(metadata.notes, ensure_ascii=False)
    return described
