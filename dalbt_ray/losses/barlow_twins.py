"""Barlow Twins: two views of an image should agree feature by feature, and features should not repeat.

Source: Zbontar et al. 2021, "Barlow Twins: Self-Supervised Learning via Redundancy Reduction", eq. 1 and 2.
"""

import torch
from torch import Tensor

from dalbt_ray.workers.global_batch import sum_over_workers


def cross_correlation(z_a: Tensor, z_b: Tensor) -> Tensor:
    """Correlation over the global batch of every feature of view a with every feature of view b.

    Each view is centered and scaled on its own, with the biased variance. The paper's equation omits the
    centering, its code does not. A feature that is constant over the batch correlates with nothing: its row
    or column is 0, and so is its gradient.

    Where public versions differ:
        - The authors' code sums over workers with a plain all-reduce, through which no gradient flows back
          from the other workers: too small by 1 / world size.
        - `lightly` before 2025 standardized both views with joint statistics, which is not invariant to an
          affine map of one view.
        - Batch-norm's epsilon (1e-5 in variance) is not added: it biases features of small scale.

    Args:
        z_a: float[b, d], projections of view a; b is this worker's share of the batch and may differ between
            workers.
        z_b: float[b, d], projections of view b of the same images, in the same order.

    Returns:
        float[d, d], in float32 even under autocast (float64 stays float64); entries in [-1, 1] up to
        rounding.
    """
    with torch.autocast(z_a.device.type, enabled=False):
        z = torch.stack([z_a, z_b])
        z = z if z.dtype == torch.float64 else z.float()
        count = z.new_full((1,), z.shape[1])
        sums = sum_over_workers(torch.cat([z.sum(dim=1).flatten(), count]))
        count = sums[-1]
        mean = (sums[:-1] / count).view(2, 1, -1)
        centered = z - mean
        variance = sum_over_workers(centered.square().sum(dim=1, keepdim=True)) / count
        # What rounding leaves of a constant feature is noise: relative to its mean, a few units in the last
        # place.
        varies = variance > (8 * torch.finfo(z.dtype).eps * mean).square()
        scale = torch.where(varies, torch.where(varies, variance, 1).rsqrt(), 0)
        standard_a, standard_b = (centered * scale).unbind()
        return sum_over_workers(standard_a.T @ standard_b) / count


def barlow_twins_loss(z_a: Tensor, z_b: Tensor, redundancy_weight: float) -> Tensor:
    """Sum over i of (1 - C_ii)^2 plus `redundancy_weight` times the sum over i != j of C_ij^2.

    C is the `cross_correlation` of the two views, over the global batch. Equation 1 of the paper, unscaled.

    Args:
        z_a: float[b, d], projections of view a.
        z_b: float[b, d], projections of view b of the same images.
        redundancy_weight: the paper's lambda (0.0051 there).

    Returns:
        float[], the same on every worker.
    """
    correlation = cross_correlation(z_a, z_b)
    diagonal = correlation.diagonal()
    agreement = (1 - diagonal).square().sum()
    redundancy = (correlation - torch.diag(diagonal)).square().sum()
    return agreement + redundancy_weight * redundancy
