"""Embed what a file of images lacks, block by block: in this process, or wherever a runner does it."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from dalbt_ray.data.decoding import Shape, decode_batch
from dalbt_ray.data.embedding.embedding import Embed, Embedding
from dalbt_ray.data.embedding.feature_blocks import Block, FeatureBlocks
from dalbt_ray.data.image_set import pixel_digest
from dalbt_ray.data.mixing import fit_images
from dalbt_ray.data.split_file import file_sha256, open_parquet, read_labels, stored_shape

FOLDER = ".features"
"""Beside the sets; a name with a dot is no set."""


@dataclass(frozen=True)
class FileToEmbed:
    """One file of images and where its features are kept.

    Attributes:
        path: a Parquet file in our form.
        stored: (height, width, channels) of its images.
        shape: what they are brought to first.
        blocks: its features.
    """

    path: Path
    stored: Shape
    shape: Shape
    blocks: FeatureBlocks


@dataclass(frozen=True)
class BlockToEmbed:
    """One block of one file: what a worker is asked for."""

    file: int
    block: int
    path: str
    stored: Shape
    shape: Shape
    first: int
    count: int


Runner: TypeAlias = Callable[[Embedding, Sequence[BlockToEmbed]], Iterator[tuple[BlockToEmbed, Block]]]
"""Embeds the blocks in any order, one result after the other; anyone who calls it keeps them."""

Say: TypeAlias = Callable[[str], None]


def file_to_embed(
    path: Path, shape: Shape, embedding: Embedding, data_root: Path | None, cache: Path
) -> FileToEmbed:
    """Where the features of a file belong: in the data root that it lies in, if that can be written.

    Otherwise (the embedded sets, a read-only root) in `cache`, the user's cache folder.

    Raises:
        InputError: a damaged file.
    """
    key = embedding.key(file_sha256(path), shape)
    name = f"{path.parent.name}-{path.stem}-{key}"
    root = cache
    if data_root is not None and path.is_relative_to(data_root):
        there = data_root / FOLDER / name
        if there.is_dir() or os.access(data_root, os.W_OK):
            root = data_root
    blocks = FeatureBlocks(root / FOLDER / name, len(read_labels(path)[0]))
    return FileToEmbed(path, stored_shape(path), shape, blocks)


def embed_missing(files: Sequence[FileToEmbed], embedding: Embedding, run: Runner, say: Say) -> int:
    """Embed and keep every block that is missing or damaged; how many images that were.

    Killed on the way, it goes on after the last block that was kept.

    Args:
        files: what is needed.
        embedding: the model.
        run: who embeds.
        say: told of the beginning, of every tenth of the work, and if there is nothing to do.
    """
    total = sum(file.blocks.images for file in files)
    todo = [
        BlockToEmbed(index, block, str(file.path), file.stored, file.shape, rows.start, len(rows))
        for index, file in enumerate(files)
        for block in file.blocks.missing()
        for rows in [file.blocks.rows(block)]
    ]
    name, missing, done = embedding.identity["model"], sum(block.count for block in todo), 0
    if not todo:
        say(f"features of {total} images by {name}: all kept from before, 0 to embed")
        return 0
    say(f"features of {total} images by {name}: {missing} to embed, kept in {files[0].blocks.folder.parent}")
    for block, content in run(embedding, todo):
        files[block.file].blocks.write(block.block, content)
        before, done = done, done + block.count
        if 10 * done // missing > 10 * before // missing:
            say(f"embedded {done} of {missing} images")
    return missing


def run_here(embedding: Embedding, todo: Sequence[BlockToEmbed]) -> Iterator[tuple[BlockToEmbed, Block]]:
    """The runner of this process."""
    embed = embedding.build()
    for block in todo:
        yield block, embed_block(block, embed)


def embed_block(wanted: BlockToEmbed, embed: Embed) -> Block:
    """Read, decode, fit and embed one block: the same bits in every process with as many torch threads."""
    encoded = _read_rows(Path(wanted.path), wanted.first, wanted.count)
    images = fit_images(decode_batch(encoded, wanted.stored), wanted.shape)
    return Block(embed(images), [pixel_digest(image) for image in images])


def _read_rows(path: Path, first: int, count: int) -> list[bytes]:
    """The encoded images of some consecutive rows; only the row groups that hold them are read."""
    file, groups = open_parquet(path), list[int]()
    start = skipped = 0
    for group in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if start + rows > first and start < first + count:
            if not groups:
                skipped = first - start
            groups.append(group)
        start += rows
    found: list[bytes] = []
    for batch in file.iter_batches(count, row_groups=groups, columns=["image"]):
        found += batch.column(0).to_pylist()
        if len(found) >= skipped + count:
            break
    return found[skipped : skipped + count]
