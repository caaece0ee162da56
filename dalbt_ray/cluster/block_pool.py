"""Blocks of work over the whole cluster, in their order, for rooms above this one: they say what is done with a block.

Unlike `embed_pool`, whose blocks Ray Data carries, what comes back here is any Python value, and an error of the work
that is a user's reaches the driver as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import ray
import torch
from ray.exceptions import RayTaskError
from ray.util import ActorPool

from dalbt_ray.cluster.code_version import code_hash
from dalbt_ray.cluster.connection import connected, live_nodes
from dalbt_ray.cluster.node_checks import nodes_to_avoid
from dalbt_ray.cluster.node_facts import elsewhere
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.errors import InputError

T = TypeVar("T")
R = TypeVar("R")

RESTARTS = 3
"""Of each actor, and of its block with it: a node that goes away takes nothing with it but time."""


def map_on_ray(
    build: Callable[[], Callable[[T], R]],
    blocks: Sequence[T],
    *,
    options: ClusterOptions,
    store_root: str,
    data: Sequence[Path],
    say: Callable[[str], None],
) -> Iterator[R]:
    """What the work makes of each block, one after the other, as soon as it and all before it are there.

    Args:
        build: picklable; called once in each actor, one for each CPU, or each GPU where there are any.
        blocks: picklable; not empty.
        options: which Ray.
        store_root: a folder that every node has to share.
        data: files that every node has to have.
        say: told of nodes that are set aside, and why.

    Raises:
        InputError: no Ray at the address, no node that can do the work, or what the work itself raises.
    """
    with connected(options):
        nodes = live_nodes()
        gpus_wanted = any(node.gpus for node in nodes)
        bad = nodes_to_avoid(nodes, store_root, data, code_hash(), gpus_wanted=gpus_wanted)
        for node in nodes:
            if node.node_id in bad:
                say(f"node {node.name} is set aside: {bad[node.node_id]}")
        usable = [node for node in nodes if node.node_id not in bad]
        gpus = int(sum(node.gpus for node in usable))
        actors = max(1, min(gpus or int(sum(node.cpus for node in usable)), len(blocks)))
        kind = ray.remote(
            num_cpus=1,
            num_gpus=1 if gpus else 0,
            label_selector=elsewhere(tuple(bad)) or None,
            max_restarts=RESTARTS,
            max_task_retries=RESTARTS,
        )(_Worker)
        pool, once = ActorPool([kind.remote() for _ in range(actors)]), [ray.put(build)]
        try:
            yield from pool.map(lambda worker, block: worker.run.remote(once, block), blocks)
        except RayTaskError as error:
            if isinstance(error.cause, InputError):
                raise error.cause from None
            raise


class _Worker:
    """An actor of the pool; it builds the work with its first block, also after it was started again."""

    def __init__(self) -> None:
        torch.set_num_threads(1)  # one for the CPU that it holds; the last bits of features depend on it
        self._work: Callable[[Any], Any] | None = None

    def run(self, build: Sequence[Any], block: Any) -> Any:
        """One block; `build` is a reference, in a list so that Ray fetches it no sooner than it is needed."""
        if self._work is None:
            self._work = ray.get(build[0])()
        return self._work(block)
