"""Adam, by the same kernel as `torch.optim.Adam(fused=True)`, without what comes with its class."""

from collections.abc import Iterable

import torch
from torch import Tensor

_BETA_2, _EPSILON = 0.999, 1e-8


class Adam:
    """Adam (Kingma and Ba 2015) with L2 weight decay; every step has the bits of `torch.optim.Adam(fused=True)`.

    Making one of torch's own optimizers imports torch's compiler (torch 2.14: 2 s of CPU, 80 MiB of private memory and
    70 MiB of shared), in every process of every trial.

    Args:
        parameters: float32, all on one device; those without a gradient are left alone in a step.
        learning_rate: of every step.
        weight_decay: factor of the L2 term's gradient.

    `learning_rate` and `beta_1` (0.9) may be set before a step, as a schedule does.
    """

    def __init__(
        self, parameters: Iterable[Tensor], *, learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.beta_1, self.weight_decay = learning_rate, 0.9, weight_decay
        self._means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        gradients = {i: p.grad for i, p in enumerate(self.parameters) if p.grad is not None}
        if not gradients:
            return
        steps = [self._steps[i] for i in gradients]
        torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            [self.parameters[i] for i in gradients],
            [_laid_out_as(self.parameters[i], gradient) for i, gradient in gradients.items()],
            [self._means[i] for i in gradients],
            [self._squares[i] for i in gradients],
            [],
            steps,
            lr=self.learning_rate,
            beta1=self.beta_1,
            beta2=_BETA_2,
            weight_decay=self.weight_decay,
            eps=_EPSILON,
            amsgrad=False,
            maximize=False,
        )


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """`gradient` with the strides of `parameter`, which the kernel for GPUs insists on.

    Autograd sees to it except along dimensions of size 1, where strides mean nothing (PyTorch's issue 106951).
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
