"""The workers that train one trial together: who am I, and how do we agree."""

from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """Place of this process among the workers of a trial; the default is a trial on its own.

    With `size > 1` a torch.distributed process group (NCCL on GPUs, gloo on CPUs) must be initialized.

    Attributes:
        rank: 0 .. size - 1; rank 0 writes.
        size: number of workers.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this worker is the one that writes results."""
        return self.rank == 0

    def agree(self, value: T) -> T:
        """Rank 0's value, on every worker."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        dist.broadcast_object_list(box, src=0, device=_device())
        return box[0]  # type: ignore[no-any-return]

    def share_buffers(self, network: nn.Module) -> None:
        """Give every worker rank 0's buffers: running statistics of layers that see one worker's share only."""
        if self.size > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, src=0)

    def gather(self, value: T) -> list[T]:
        """Every worker's value, in the order of ranks, on every worker."""
        if self.size == 1:
            return [value]
        box: list[Any] = [None] * self.size
        dist.all_gather_object(box, value)
        return box


def _device() -> torch.device:
    """Where the process group's tensors live."""
    if dist.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
