"""Cross-entropy over the global batch."""

import torch
from torch import Tensor
from torch.nn import functional

from dalbt_ray.workers.global_batch import sum_over_workers, world_size


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy whose average over workers is the mean over the global batch, also with unequal shards.

    Equation 2 of the DALBT paper, with the minus sign that is missing there.

    Args:
        logits: float[b, c], of this worker's share of the batch.
        labels: int64[b], classes 0..c-1.

    Returns:
        float[], the sum over the shard times world size over global batch size; in float32 even under
        autocast.
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    local_sum = functional.cross_entropy(logits, labels, reduction="sum")
    # `new_tensor` would copy the number to a GPU and wait for all that is queued there.
    count = sum_over_workers(logits.new_full((), float(len(labels))))
    return local_sum * world_size() / count
