"""What a GPU needs that a CPU does not: kernels that repeat their bits, and copies that nobody waits for."""

import torch
from torch import Tensor


def settle(device: torch.device) -> None:
    """Let cuDNN take only algorithms that give the same bits every time, and the same algorithm every time.

    By default it may add up the gradients of a convolution in whatever order its blocks end. For the whole process;
    nothing on a CPU. Convolutions stay in TF32, PyTorch's default, where the GPU has it.
    """
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False


def moved(values: Tensor, device: torch.device) -> Tensor:
    """`values` on `device`, without waiting for it: work that is queued there goes on meanwhile.

    A copy from pageable memory would wait for all of it, a step's work in the middle of training.
    """
    if device.type != "cuda" or values.is_cuda:
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
