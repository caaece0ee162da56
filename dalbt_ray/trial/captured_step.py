"""Loss and gradient of a training step as a CUDA graph: recorded once, then played back.

At the paper's batch of 64 a step is some hundred small kernels, and a GPU waits longer for their launches than it
computes (docs/gpu.md). Playing a graph launches all of them at once, with the same bits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

WORTH_CAPTURING = 50
"""Steps of one training from which a recording, which costs a few of them, pays for itself."""

_WARM_UPS = 2
"""Steps before a recording: libraries choose algorithms and take their workspace in the first one."""

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class _Recording:
    """A graph, the tensors that it reads, and those that it leaves its answers in."""

    graph: torch.cuda.CUDAGraph
    inputs: tuple[Tensor, ...]
    loss: Tensor
    gradients: tuple[Tensor | None, ...]


class CapturedStep:
    """Computes a step's loss and leaves its gradient in the parameters, as `loss.backward()` does.

    Args:
        step: the tensors of a batch to a scalar loss; launches the same kernels for every batch of the same shapes, and
            never waits for the device.
        network: whose parameters get gradients; its buffers may be changed by a step.
        generator: on the device, the stream of dropout masks and noise; playing back goes on in it.
    """

    def __init__(self, step: Callable[..., Tensor], network: nn.Module, generator: torch.Generator) -> None:
        self._step, self._network, self._generator = step, network, generator
        self._parameters = [each for each in network.parameters() if each.requires_grad]
        self._recordings: dict[Shapes, _Recording] = {}

    def __call__(self, *batch: Tensor) -> Tensor:
        """The loss, float[], valid until the next call."""
        shapes = tuple(tuple(each.shape) for each in batch)
        if shapes not in self._recordings:
            self._recordings[shapes] = self._record(batch)
        recording = self._recordings[shapes]
        for place, values in zip(recording.inputs, batch, strict=True):
            place.copy_(values)
        recording.graph.replay()
        for parameter, gradient in zip(self._parameters, recording.gradients, strict=True):
            parameter.grad = gradient
        return recording.loss

    def _record(self, batch: Sequence[Tensor]) -> _Recording:
        """Record on copies of `batch`; buffers and generator are afterwards as they were."""
        inputs = tuple(each.clone() for each in batch)
        buffers = [each.clone() for each in self._network.buffers()]
        random_state = self._generator.get_state()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                self._drop_gradients()
                self._step(*inputs).backward()  # type: ignore[no-untyped-call]
        torch.cuda.current_stream().wait_stream(aside)
        self._drop_gradients()
        for buffer, before in zip(self._network.buffers(), buffers, strict=True):
            buffer.copy_(before)
        self._generator.set_state(random_state)
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._generator)
        with torch.cuda.graph(graph):
            loss = self._step(*inputs)
            loss.backward()  # type: ignore[no-untyped-call]
        return _Recording(graph, inputs, loss.detach(), tuple(each.grad for each in self._parameters))

    def _drop_gradients(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None
