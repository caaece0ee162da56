"""The images of a sweep, read and decoded once by Ray Data and then shared by all trials.

The decoded blocks lie in the object store, in shared memory: a node holds one copy, whatever the number of its
trials, and a materialized dataset needs no CPU of the scheduler to be read, so trials that hold all CPUs cannot
wait for each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import ray
import ray.data
import ray.data.extensions  # registers the tensor type that blocks are read with
from numpy.typing import NDArray
from ray.data import DataContext, Dataset
from ray.data.dataset import MaterializedDataset
from ray.exceptions import RayTaskError

from dalbt_ray.data.bounds import refuse_beyond_memory
from dalbt_ray.data.decoding import Shape, decode_batch
from dalbt_ray.data.image_set import ImageSet, ImageSetFiles, build_image_set, read_images
from dalbt_ray.data.mixing import fit_images
from dalbt_ray.data.split_file import open_parquet, stored_shape

COLUMN = "image"


class DatasetImages:
    """Images in shared memory, as a materialized dataset: what `dalbt_ray.data.image_set.Images` asks for.

    Picklable by reference: the pickle holds object references, not images.

    Args:
        blocks: Arrow tables with the columns `id` and `image`, uint8[h, w, c], in storage order.
        shape: (height, width, channels).
    """

    def __init__(self, blocks: list[ray.ObjectRef], shape: Shape) -> None:
        self._blocks = blocks
        self._dataset: MaterializedDataset = ray.data.from_arrow_refs(blocks)
        self._shape = shape
        self._count: int = self._dataset.count()

    @property
    def shape(self) -> Shape:
        """(height, width, channels)."""
        return self._shape

    def __len__(self) -> int:
        return self._count

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.uint8]:
        """uint8[len(rows), h, w, c], gathered from views of the shared blocks.

        Raises:
            IndexError: a row below 0 or beyond the last.
        """
        if len(rows) and (rows.min() < 0 or rows.max() >= self._count):
            raise IndexError(f"rows must be 0..{self._count - 1}, not {rows.min()}..{rows.max()}")
        starts, views = self._views
        chosen = np.empty((len(rows), *self._shape), np.uint8)
        chunk = np.searchsorted(starts, rows, side="right") - 1
        for index in np.unique(chunk):
            here = chunk == index
            chosen[here] = views[index][rows[here] - starts[index]]
        return chosen

    def batches(self, size: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """(first row, uint8[b, h, w, c]) in storage order, b being `size` except for the last batch."""
        first = 0
        for batch in self._dataset.iter_batches(batch_size=size, batch_format="numpy", prefetch_batches=1):
            yield first, batch[COLUMN]
            first += len(batch[COLUMN])

    @cached_property
    def _views(self) -> tuple[NDArray[np.int64], list[NDArray[np.uint8]]]:
        """First rows of the chunks, and the chunks as zero-copy views of shared memory."""
        pieces = (piece for block in ray.get(self._blocks) for piece in block.column(COLUMN).chunks)
        chunks = [piece.to_numpy(zero_copy_only=True) for piece in pieces]
        starts = np.cumsum([0, *(len(chunk) for chunk in chunks)])[:-1]
        return starts.astype(np.int64), chunks

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the views, which every process maps for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_views"}


@dataclass(frozen=True)
class Decode:
    """What Ray Data maps over the Parquet rows: encoded files to pixels of the wanted shape.

    Attributes:
        stored: (height, width, channels) of every image of the file.
        wanted: the same of the result.
    """

    stored: Shape
    wanted: Shape

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """`image` object[b] of bytes to `image` uint8[b, h, w, c]; `id` stays next to it."""
        images = fit_images(decode_batch(list(batch[COLUMN]), self.stored), self.wanted)
        return {"id": batch["id"], COLUMN: images}


def decoded_dataset(path: Path, wanted: Shape, labels: Mapping[str, str] | None = None) -> Dataset:
    """A lazy dataset of one file's images, decoded, in storage order; on nodes of these labels, or on any."""
    where = {"ray_remote_args": {"label_selector": dict(labels)}} if labels else {}
    encoded = ray.data.read_parquet(str(path), file_extensions=None, **where).select_columns(["id", COLUMN])
    return encoded.map_batches(
        Decode(stored_shape(path), wanted), batch_format="numpy", batch_size=1_000, zero_copy_batch=True
    )


def materialize_image_set(files: ImageSetFiles, labels: Mapping[str, str] | None = None) -> ImageSet:
    """Read and decode an image set with Ray Data, once, on nodes of these labels; Ray must be connected.

    Raises:
        InputError: as `dalbt_ray.data.image_set.load_image_set`.
    """
    keep_order_quietly()
    count = sum(open_parquet(path).metadata.num_rows for path in files.pool_files)
    refuse_beyond_memory(files.train, count, files.shape)
    try:
        parts = [decoded_dataset(path, files.shape, labels).materialize() for path in files.pool_files]
    except RayTaskError:
        read_images(files.pool_files, files.shape)  # names the file and the row that cannot be decoded
        raise
    # Not `union`, which takes blocks from its inputs in turn when it is asked to keep their order.
    bundles = [bundle for part in parts for bundle in part.iter_internal_ref_bundles()]
    blocks = _kept_here([block for bundle in bundles for block in bundle.block_refs])
    image_set = build_image_set(files, DatasetImages(blocks, files.shape))
    # An image beside another one's label would ruin a sweep in silence: the order is checked, not trusted.
    ids = np.concatenate([ray.get(block).column("id").to_numpy() for block in blocks])
    if not np.array_equal(ids, image_set.sample_ids):
        raise RuntimeError("Ray Data returned the images in another order than that of their files")
    return image_set


def _kept_here(blocks: list[ray.ObjectRef]) -> list[ray.ObjectRef]:
    """The blocks on the driver's node, wherever they were decoded.

    A block on another node would be lost with that node, and decoding it again needs a CPU, which the trials may
    all hold. The driver's node cannot be lost without the sweep.
    """
    if sum(node["Alive"] for node in ray.nodes()) == 1:
        return blocks
    return [ray.put(ray.get(block)) for block in blocks]


def keep_order_quietly() -> None:
    """Ray Data keeps rows in order, shows no bars of its own, and reads in the leaner of its two ways.

    Its newer reader starts two more processes per CPU and takes two to three times as long for the embedded sets
    (Ray 2.60: 6 s against 13 to 19 s on two busy cores).
    """
    context = DataContext.get_current()
    context.use_datasource_v2 = False
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
