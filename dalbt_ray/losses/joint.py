"""The objective of DALBT: cross-entropy on clean images plus weighted Barlow Twins on their views."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dalbt_ray.losses.barlow_twins import barlow_twins_loss
from dalbt_ray.workers.global_batch import sum_over_workers, world_size


@dataclass(frozen=True)
class JointLoss:
    """The terms of one step, each float[].

    Attributes:
        total: what is minimized, cross_entropy + self_supervised_weight * self_supervised.
        cross_entropy: of this worker, weighted so that its mean over workers is the mean over the global
            batch.
        self_supervised: Barlow Twins, unweighted; the same on every worker.
    """

    total: Tensor
    cross_entropy: Tensor
    self_supervised: Tensor


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
    count = sum_over_workers(logits.new_tensor(float(len(labels))))
    return local_sum * world_size() / count


def joint_loss(
    logits: Tensor,
    labels: Tensor,
    z_a: Tensor,
    z_b: Tensor,
    *,
    self_supervised_weight: float,
    redundancy_weight: float,
) -> JointLoss:
    """Equation 1 of the DALBT paper; `total` has, averaged over workers, the single-process gradient.

    Args:
        logits: float[b, c], of the clean images.
        labels: int64[b].
        z_a: float[m, d], projections of view a; m may differ from b (unlabeled images may take part).
        z_b: float[m, d], projections of view b of the same images.
        self_supervised_weight: gamma, the weight of Barlow Twins (0.001 in the paper).
        redundancy_weight: lambda, the weight of the off-diagonal terms within it.
    """
    supervised = cross_entropy(logits, labels)
    self_supervised = barlow_twins_loss(z_a, z_b, redundancy_weight)
    return JointLoss(
        total=supervised + self_supervised_weight * self_supervised,
        cross_entropy=supervised,
        self_supervised=self_supervised,
    )
