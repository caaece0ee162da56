"""The features of one file of images on a disk: blocks of 1,000 images, each written once, whole or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dalbt_ray.data.whole_file import whole_file

BLOCK = 1_000
"""Images of a block; the last one of a file may be shorter."""


@dataclass(frozen=True)
class Block:
    """What a run of images became.

    Attributes:
        features: float32[b, d].
        digests: b BLAKE2 digests of the images' pixels, which tell repeated images without decoding them again.
    """

    features: NDArray[np.float32]
    digests: list[bytes]

    @property
    def sha256(self) -> str:
        """Hex digest of both."""
        return sha256(self.features.tobytes() + b"".join(self.digests)).hexdigest()


@dataclass(frozen=True)
class FeatureBlocks:
    """A folder with the blocks of one file.

    Attributes:
        folder: named after the file and the key of what it was embedded with.
        images: how many the file has.
    """

    folder: Path
    images: int

    @property
    def count(self) -> int:
        """Blocks of the file."""
        return -(-self.images // BLOCK)

    def rows(self, block: int) -> range:
        """The rows of the file that a block holds."""
        return range(block * BLOCK, min((block + 1) * BLOCK, self.images))

    def missing(self) -> list[int]:
        """Blocks that are not there, or not whole: a damaged one is removed."""
        return [block for block in range(self.count) if self._read(block) is None]

    def read(self) -> Iterator[Block]:
        """All blocks in order.

        Raises:
            FileNotFoundError: one is missing or damaged; `missing` says which.
        """
        for block in range(self.count):
            found = self._read(block)
            if found is None:
                raise FileNotFoundError(self._file(block))
            yield found

    def write(self, block: int, content: Block) -> None:
        """Write one block, whole or not at all."""
        table = pa.table(
            {
                "features": pa.FixedSizeListArray.from_arrays(
                    pa.array(content.features.ravel()), content.features.shape[1]
                ),
                "pixels": pa.array(content.digests, pa.binary(16)),
            }
        ).replace_schema_metadata({"sha256": content.sha256})
        with whole_file(self._file(block)) as file:
            # Features hardly compress; without it, reading them is as fast as the disk.
            pq.write_table(table, file, compression="none", use_dictionary=False)

    def _file(self, block: int) -> Path:
        return self.folder / f"{block:05d}.parquet"

    def _read(self, block: int) -> Block | None:
        file = self._file(block)
        try:
            with pq.ParquetFile(file) as opened:
                table = opened.read(use_threads=False)
            width = table.schema.field("features").type.list_size
            flat = table["features"].combine_chunks().flatten().to_numpy()
            found = Block(flat.reshape(-1, width), table["pixels"].to_pylist())
            whole = len(found.features) == len(self.rows(block)) == len(found.digests)
            if whole and table.schema.metadata[b"sha256"].decode() == found.sha256:
                return found
        except FileNotFoundError:
            return None
        except (pa.ArrowException, OSError, KeyError, AttributeError, TypeError, ValueError):
            pass  # as damaged as one whose digest differs
        file.unlink(missing_ok=True)
        return None
