"""Embed images with Ray Data, over the whole cluster: `dalbt_ray.data.embedding` keeps what comes back.

The unit of work is a block of 1,000 images: an actor of the pool reads, decodes and embeds it, so neither the driver
nor the object store ever holds images, and a driver that is killed has lost at most the blocks under way.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import ray
import ray.data
import torch
from numpy.typing import NDArray
from ray.data import ActorPoolStrategy

from dalbt_ray.cluster.shared_images import keep_order_quietly
from dalbt_ray.data.embedding.embed_blocks import BlockToEmbed, embed_block
from dalbt_ray.data.embedding.embedding import Embedding
from dalbt_ray.data.embedding.feature_blocks import Block


def run_on_ray(embedding: Embedding, todo: Sequence[BlockToEmbed]) -> Iterator[tuple[BlockToEmbed, Block]]:
    """The runner of a connected Ray: one actor for each CPU, or each GPU where there are any.

    An actor that dies is started again by Ray Data; its block is embedded once more.
    """
    keep_order_quietly()
    total = ray.cluster_resources()
    gpus = int(total.get("GPU", 0))
    actors = max(1, min(gpus or int(total.get("CPU", 1)), len(todo)))
    work = ray.data.from_items(
        [{"place": place} for place in range(len(todo))], override_num_blocks=len(todo)
    )
    embedded = work.map_batches(
        BlockEmbedder,
        fn_constructor_args=(tuple(todo), embedding),
        batch_size=1,
        batch_format="numpy",
        num_cpus=1,
        num_gpus=1 if gpus else 0,
        compute=ActorPoolStrategy(size=actors),
    )
    for batch in embedded.iter_batches(batch_size=1, batch_format="numpy", prefetch_batches=0):
        digests = [bytes(digest) for digest in batch["pixels"][0]]
        yield todo[int(batch["place"][0])], Block(np.ascontiguousarray(batch["features"][0]), digests)


class BlockEmbedder:
    """An actor of the pool.

    Args:
        todo: all blocks.
        embedding: which every actor builds: the file of its weights, like those of the images, is on every node.
    """

    def __init__(self, todo: tuple[BlockToEmbed, ...], embedding: Embedding) -> None:
        torch.set_num_threads(1)  # as in process: the last bits depend on it
        self._todo = todo
        self._embed = embedding.build()

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """`place` int64[1] to `features` float32[1, b, d] and `pixels` uint8[1, b, 16]."""
        content = embed_block(self._todo[int(batch["place"][0])], self._embed)
        pixels = np.frombuffer(b"".join(content.digests), np.uint8).reshape(1, -1, 16)
        return {"place": batch["place"], "features": content.features[None], "pixels": pixels}
