"""What reads the latent while training: the projector of the self-supervised loss."""

from itertools import pairwise

from torch import nn

from dalbt_ray.models.norm import GlobalBatchNorm
from dalbt_ray.models.weights import linear


def projector(latent_dim: int, widths: tuple[int, ...]) -> nn.Sequential:
    """An MLP on the latent: linear, batch-norm and ReLU for each width, but only linear for the last.

    The shape of Barlow Twins' projector (three layers of 8192 there), without biases as there. No widths at
    all give the latent itself. Batch-norm here always uses the batch: the projector is never evaluated on
    clean images.

    Args:
        latent_dim: d of float[b, d].
        widths: of the layers, the last one being the number of projections.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((latent_dim, *widths)):
        layers += [
            linear(inputs, outputs, bias=False),
            GlobalBatchNorm(outputs, tracks_statistics=False),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers[:-2])
