"""What is known of the pool's files: blocks of some hundred, each written once, whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dalbt_ray.query.pool_places import Place
from dalbt_ray.results.storage.local_disk import LocalStorage

BLOCK = 500
"""Files of a block: what is embedded again after a kill, at most."""


@dataclass(frozen=True)
class Seen:
    """One file that was read.

    Attributes:
        place: as it was then.
        id: of its content; empty if it could not be read at all.
        problem: why it cannot be used; empty if it can.
        embedded: whether this row holds the image's features; of equal files, one does.
    """

    place: Place
    id: str
    problem: str
    embedded: bool = False


@dataclass(frozen=True)
class ImageBlocks:
    """The blocks of one pool under one model.

    Attributes:
        storage: the state folder.
        key: names the model, its weights and its preprocessing (`Session`).
    """

    storage: LocalStorage
    key: str

    @property
    def folder(self) -> str:
        """Below the state folder."""
        return f"features/{self.key}"

    def append(self, files: Sequence[Seen], features: dict[str, NDArray[np.float32]]) -> None:
        """Write one more block.

        Args:
            files: what was read.
            features: float32[d] by id, of the images that no earlier block has; kept as float16.
        """
        left = dict(features)
        vectors = [left.pop(file.id, None) for file in files]
        half = [None if vector is None else vector.astype(np.float16) for vector in vectors]
        table = pa.table(
            {
                "id": [file.id for file in files],
                "path": [file.place.path for file in files],
                "size": pa.array([file.place.size for file in files], pa.int64()),
                "changed": pa.array([file.place.changed for file in files], pa.int64()),
                "problem": [file.problem for file in files],
                "embedded": [vector is not None for vector in half],
                "features": pa.array(half, pa.list_(pa.float16())),
            }
        )
        sink = BytesIO()
        pq.write_table(table, sink, compression="none", use_dictionary=False, write_page_checksum=True)
        names = self._names()
        number = int(names[-1].partition(".")[0]) + 1 if names else 0
        self.storage.write(f"{self.folder}/{number:06d}.parquet", sink.getvalue())

    def files(self) -> list[Seen]:
        """Everything that was read, the latest last; no features. A damaged block is removed, its files are new."""
        found: list[Seen] = []
        for name in self._names():
            table = self._table(name, ["id", "path", "size", "changed", "problem", "embedded"])
            if table is not None:
                found += [
                    Seen(
                        Place(row["path"], row["size"], row["changed"]),
                        row["id"],
                        row["problem"],
                        row["embedded"],
                    )
                    for row in table.to_pylist()
                ]
        return found

    def features(self) -> tuple[list[str], NDArray[np.float16]]:
        """Ids and float16[n, d] of all images; the order is that in which they were embedded."""
        ids: list[str] = []
        parts: list[NDArray[np.float16]] = []
        for name in self._names():
            table = self._table(name, ["id", "features"])
            if table is None:
                continue
            table = table.filter(table["features"].is_valid())
            if len(table):
                flat = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
                ids += table["id"].to_pylist()
                parts.append(flat.reshape(len(table), -1))
        return ids, np.concatenate(parts) if parts else np.empty((0, 0), np.float16)

    def remove_damaged(self) -> None:
        """Remove the blocks that are damaged anywhere, features included: their files are new then."""
        for name in self._names():
            self._table(name, None)

    def _names(self) -> list[str]:
        return [name for name in self.storage.entries(self.folder) if name.endswith(".parquet")]

    def _table(self, name: str, columns: list[str] | None) -> pa.Table | None:
        """Some columns of a block, or all; None for a block that is damaged, which is removed.

        Raises:
            OSError: it cannot be read now; it stays.
            MemoryError: likewise.
        """
        path = f"{self.folder}/{name}"
        try:
            source = pa.memory_map(str(self.storage.root / path))
            file = pq.ParquetFile(source, page_checksum_verification=True)
            found = file.read(columns, use_threads=False)
            return found if columns is None else found.select(columns)
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            if getattr(error, "errno", None):  # the system's; of what Arrow finds in the bytes it has none
                raise
            self.storage.delete(path)
            return None
