"""Dropout whose every draw is passed in, and whose masks can be held fixed over a whole pool."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from dalbt_ray.workers.global_batch import share_of_draw


class ConsistentDropout(nn.Module):
    """Dropout of single elements, with survivors scaled by 1 / (1 - probability).

    Training draws one mask per image of the global batch from `generator` (see `set_dropout_generator`), and a worker
    takes those of its own images: what an image meets does not depend on how many workers there are. Evaluation does
    nothing, unless a `dropout_pass` holds one mask for all images: joint quantities over images (BatchBALD) need every
    image to meet the same network. Neither touches batch-norm, unlike the usual switch to training mode.

    Args:
        probability: of dropping an element, in [0, 1).
        shape: of one image's features at this place, without the batch dimension.
    """

    def __init__(self, probability: float, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.probability, self.shape = probability, shape
        self.generator: torch.Generator | None = None
        self.fixed_mask: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """float[b, *shape] to the same shape.

        Raises:
            RuntimeError: training without a generator; a draw from the global one would escape the trial's
                seed.
        """
        if self.fixed_mask is not None:
            return x * self.fixed_mask.to(x.dtype)
        if not self.training or self.probability == 0:
            return x
        if self.generator is None:
            raise RuntimeError(
                "dropout: no generator to draw from; call set_dropout_generator before training"
            )
        masks = share_of_draw(len(x), partial(self.draw, generator=self.generator, device=x.device), x.device)
        return x * masks.to(x.dtype)

    def draw(self, count: int, generator: torch.Generator, device: torch.device) -> Tensor:
        """float32[count, *shape] of 0 and 1 / (1 - probability), drawn on the generator's device."""
        kept = 1 - self.probability
        mask = torch.empty(count, *self.shape, device=generator.device).bernoulli_(kept, generator=generator)
        return mask.div_(kept).to(device)


@dataclass(frozen=True)
class DropoutMasks:
    """The masks of all passes: one float32[samples, *shape] per dropout layer, in the network's order."""

    layers: tuple[Tensor, ...]

    @property
    def samples(self) -> int:
        """Number of passes."""
        return len(self.layers[0])


def _dropout_layers(network: nn.Module) -> list[ConsistentDropout]:
    return [layer for layer in network.modules() if isinstance(layer, ConsistentDropout)]


def set_dropout_generator(network: nn.Module, generator: torch.Generator | None) -> None:
    """Let every dropout layer of `network` draw its training masks from `generator`."""
    for layer in _dropout_layers(network):
        layer.generator = generator


def draw_dropout_masks(
    network: nn.Module, samples: int, generator: torch.Generator, device: torch.device | str = "cpu"
) -> DropoutMasks:
    """Masks for `samples` stochastic passes over a pool; draw them once, before the first batch is scored."""
    target = torch.device(device)
    return DropoutMasks(tuple(layer.draw(samples, generator, target) for layer in _dropout_layers(network)))


@contextmanager
def dropout_pass(network: nn.Module, masks: DropoutMasks, sample: int) -> Iterator[None]:
    """Inside, every forward of `network` uses mask number `sample` for all images, in any mode."""
    layers = _dropout_layers(network)
    for layer, drawn in zip(layers, masks.layers, strict=True):
        layer.fixed_mask = drawn[sample]
    try:
        yield
    finally:
        for layer in layers:
            layer.fixed_mask = None
