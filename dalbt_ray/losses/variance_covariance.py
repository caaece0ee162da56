"""VICReg: views agree, features keep their spread, and features do not repeat each other.

Source: Bardes, Ponce and LeCun 2022, "VICReg: Variance-Invariance-Covariance Regularization", eq. 1 to 6.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dalbt_ray.workers.global_batch import sum_over_workers

EPSILON = 1e-4
"""Added to a variance before its root, as in the paper."""


@dataclass(frozen=True)
class VicregTerms:
    """The three terms, float[] each, unweighted and the same on every worker.

    Attributes:
        invariance: mean squared distance of the two views' features (eq. 5, per feature as the authors' code).
        variance: mean hinge of 1 minus each feature's standard deviation (eq. 1), over both views.
        covariance: sum of squared covariances between different features over their number (eq. 3, 4), both views.
    """

    invariance: Tensor
    variance: Tensor
    covariance: Tensor


def vicreg_terms(z_a: Tensor, z_b: Tensor) -> VicregTerms:
    """The terms over the global batch.

    The paper's text sums the hinge over both views with weight mu each; the authors' code halves it. Here variance is
    the mean of the two views, as in the code, and covariance their sum, as in both. Variances are unbiased, over n - 1.

    Args:
        z_a: float[b, d], projections of view a; b is this worker's share and may differ between workers.
        z_b: float[b, d], projections of view b of the same images.
    """
    with torch.autocast(z_a.device.type, enabled=False):
        z = torch.stack([z_a, z_b])
        z = z if z.dtype == torch.float64 else z.float()
        sums = sum_over_workers(torch.cat([z.sum(dim=1).flatten(), z.new_full((1,), z.shape[1])]))
        count = sums[-1]
        centered = z - (sums[:-1] / count).view(2, 1, -1)
        covariance = sum_over_workers(centered.transpose(1, 2) @ centered) / (count - 1)
        variance = covariance.diagonal(dim1=1, dim2=2)
        spread = (1 - (variance + EPSILON).sqrt()).clamp(min=0).mean()
        others = covariance.square().sum() - variance.square().sum()
        apart = sum_over_workers((z[0] - z[1]).square().sum()) / (count * z.shape[2])
        return VicregTerms(invariance=apart, variance=spread, covariance=others / z.shape[2])
