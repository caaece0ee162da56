"""One optimizer step of networks that DistributedDataParallel does not know of."""

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

    As in `losses.cross_entropy.cross_entropy` the average over workers is that mean, also with unequal shares; a
    worker with no image at all contributes 0.
    """
    count = sum_over_workers(values.new_full((), float(len(values))))
    return values.sum() * world_size() / count


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
