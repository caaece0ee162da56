"""Sums over the workers of one trial, with the gradient of a single process on the whole batch.

A trial on several devices splits each batch among its workers. A quantity that couples the images of a batch
(a batch-norm statistic, a cross-correlation) has to see all of them.
"""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Workers in the process group; 1 where none is initialized."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def sum_over_workers(values: Tensor) -> Tensor:
    """Element-wise sum of `values` over all workers; `values` itself when there is one.

    Every worker must call it, with the same shape, in the same order. The gradient is summed over the workers
    too: each worker's loss depends on every worker's input. After the averaging of gradients that
    DistributedDataParallel does, a loss that all workers compute alike has exactly its single-process
    gradient. A plain `torch.distributed.all_reduce` gives the same value and a gradient that is too small by
    1 / world size.
    """
    if world_size() == 1:
        return values
    summed: Tensor = _SumOverWorkers.apply(values)
    return summed


def share_of_draw(count: int, draw: Callable[[int], Tensor], device: torch.device) -> Tensor:
    """This worker's rows of one draw for the whole batch, so that each image gets what it would get in one process.

    Every worker must call it in the same order, with a stream in the same state; worker r has images r, r + size, ...
    of the batch. With a draw of its own size, workers with unequal shares would leave the stream in unequal states,
    and images of equal place would get equal numbers.

    Args:
        count: images of this worker.
        draw: rows to draw -> float[rows, ...].
        device: where the process group's tensors live.

    Returns:
        float[count, ...].
    """
    if world_size() == 1:
        return draw(count)
    total = int(sum_over_workers(torch.tensor(count, device=device)))
    return draw(total)[dist.get_rank() :: world_size()]


class _SumOverWorkers(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:  # noqa: ARG004
        summed = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        summed = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed
