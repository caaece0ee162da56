"""One optimizer step of networks that DistributedDataParallel does not know of."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.workers.global_batch import sum_over_workers, world_size

Rows = TypeVar("Rows", Tensor, NDArray[np.int64])


def image_mean(values: Tensor) -> Tensor:
    """Mean over the images of the global batch, float[b] -> float[].

    As in `losses.joint.cross_entropy` the average over workers is that mean, also with unequal shares; a
    worker with no image at all contributes 0.
    """
    count = sum_over_workers(values.new_tensor(float(len(values))))
    return values.sum() * world_size() / count


def own_rows(draw: Callable[[int], Tensor], count: int) -> Tensor:
    """This worker's rows of a draw that is made for the whole global batch, float[count, ...].

    All workers draw from generators in the same state, and worker r holds the images r, r + size, ... of the
    global batch: so each image gets its own noise, and the same with any number of workers.

    Args:
        draw: makes the draw for a given number of images.
        count: images that this worker holds.
    """
    if world_size() == 1:
        return draw(count)
    device = torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else "cpu"
    total = sum_over_workers(torch.tensor(count, device=device))
    return worker_share(draw(int(total)))


def worker_share(rows: Rows) -> Rows:
    """The rows of a global batch that this worker holds: r, r + size, r + 2 size, ..."""
    if world_size() == 1:
        return rows
    return rows[dist.get_rank() :: world_size()]


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Step on `loss`, with gradients averaged over the workers, and leave none behind."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    apply_gradients(optimizer)


def apply_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Step on gradients that a backward pass has left, averaged over the workers; then clear them.

    Workers start from the same weights, so that they stay equal.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None and world_size() > 1:
                parameter.grad = sum_over_workers(parameter.grad) / world_size()
    optimizer.step()
    optimizer.zero_grad()
