"""Batch normalization over the global batch, whose running averages see only what they are meant to see."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from dalbt_ray.workers.global_batch import sum_over_workers, world_size


class GlobalBatchNorm(nn.Module):
    """Batch normalization of float[b, features, ...] with the statistics of all workers' images.

    One process computes what `nn.BatchNorm1d` and `nn.BatchNorm2d` compute. Several workers (gloo on CPUs as
    well as NCCL, unlike `nn.SyncBatchNorm`) compute what one process would on the concatenated batch, value
    and gradient.

    Args:
        features: channels, the second dimension.
        affine: learn a scale and a shift per channel.
        tracks_statistics: keep running averages for evaluation; without them every forward uses its own
            batch.
        momentum: weight of the newest batch in the running averages.
        eps: added to the variance.

    Raises:
        ValueError: training on one value per channel, whose variance says nothing (from PyTorch).
    """

    running_mean: Tensor | None
    running_var: Tensor | None

    def __init__(
        self,
        features: int,
        *,
        affine: bool = True,
        tracks_statistics: bool = True,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(features) if tracks_statistics else None)
        self.register_buffer("running_var", torch.ones(features) if tracks_statistics else None)
        self.statistics_frozen = False

    def forward(self, x: Tensor) -> Tensor:
        """float[b, features, ...] to the same shape and dtype."""
        uses_batch = self.training or self.running_mean is None
        if uses_batch and world_size() > 1:
            return self._over_workers(x)
        untouched = uses_batch and (self.statistics_frozen or not self.training)
        return functional.batch_norm(
            x,
            None if untouched else self.running_mean,
            None if untouched else self.running_var,
            self.weight,
            self.bias,
            training=uses_batch,
            momentum=self.momentum,
            eps=self.eps,
        )

    def _over_workers(self, x: Tensor) -> Tensor:
        """Two passes (mean, then squared deviations): a difference of large sums would lose the variance."""
        with torch.autocast(x.device.type, enabled=False):
            values = x if x.dtype == torch.float64 else x.float()
            dims = [0, *range(2, x.ndim)]
            shape = [1, -1] + [1] * (x.ndim - 2)
            local_count = values.new_full((1,), values.numel() // values.shape[1])
            sums = sum_over_workers(torch.cat([values.sum(dims), local_count]))
            count, mean = sums[-1], sums[:-1] / sums[-1]
            centered = values - mean.view(shape)
            variance = sum_over_workers(centered.square().sum(dims)) / count
            if self.training and not self.statistics_frozen:
                self._update(mean.detach(), variance.detach() * count / (count - 1))
            scale = (variance + self.eps).rsqrt()
            if self.weight is not None and self.bias is not None:
                return torch.addcmul(self.bias.view(shape), centered, (scale * self.weight).view(shape)).to(
                    x.dtype
                )
            return (centered * scale.view(shape)).to(x.dtype)

    def _update(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_(unbiased_variance.to(self.running_var.dtype), self.momentum)


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Inside, training forwards normalize with their own batch and leave the running averages as they are.

    PyTorch's own layers, which models of other libraries have, are told so by a momentum of 0.

    Augmented views go through it: at test time the network meets clean images, so the running averages must
    come from clean images (2 points of accuracy with a VGG on CIFAR-10, measured).
    """
    layers = [layer for layer in network.modules() if isinstance(layer, GlobalBatchNorm)]
    before = [layer.statistics_frozen for layer in layers]
    plain = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in plain]
    for layer in layers:
        layer.statistics_frozen = True
    for other in plain:
        other.momentum = 0.0
    try:
        yield
    finally:
        for layer, frozen in zip(layers, before, strict=True):
            layer.statistics_frozen = frozen
        for other, momentum in zip(plain, momenta, strict=True):
            other.momentum = momentum
