"""A step played back from a CUDA graph has the bits of the step that it was recorded from."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from dalbt_ray.models.dropout import set_dropout_generator
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import Network, NetworkSettings, build_network
from dalbt_ray.models.norm import frozen_statistics
from dalbt_ray.models.resnet import ResNet18
from dalbt_ray.models.vgg import VGG16
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.trial.captured_step import CapturedStep
from dalbt_ray.workers.device import settle
from tests.gpu.needs_gpu import NEEDS_GPU

pytestmark = NEEDS_GPU

ENCODERS: dict[str, Any] = {
    "lenet": (LeNet(), (28, 28, 1)),
    "vgg16": (VGG16(), (32, 32, 3)),
    "resnet18": (ResNet18(), (32, 32, 3)),
}


def batches(shape: tuple[int, int, int]) -> Iterator[tuple[Tensor, ...]]:
    """Images, labels and two views, of two sizes by turns."""
    drawn = torch.Generator().manual_seed(1)
    height, width, channels = shape
    for size in (16, 12, 16, 12, 16):
        images = [torch.rand(size, channels, height, width, generator=drawn) for _ in range(3)]
        clean, view_a, view_b = (each.cuda().contiguous(memory_format=torch.channels_last) for each in images)
        yield clean, (torch.arange(size) % 10).cuda(), view_a, view_b


def trained(name: str, half: bool, captured: bool) -> tuple[list[Tensor], dict[str, Tensor], Tensor]:
    """Losses of five steps of gradient descent, weights and buffers afterwards, and where the generator stands."""
    encoder, shape = ENCODERS[name]
    settings = NetworkSettings(dropout=0.5)
    network = build_network(encoder, settings, shape, 10, torch.Generator().manual_seed(0)).cuda().train()
    noise = torch.Generator("cuda").manual_seed(2)
    set_dropout_generator(network, noise)
    step = _step(network, half)
    play: Callable[..., Tensor] = CapturedStep(step, network, noise) if captured else _eager(step)
    losses = []
    for batch in batches(shape):
        network.zero_grad()
        losses.append(play(*batch).detach().clone())
        with torch.no_grad():
            for parameter in network.parameters():
                assert parameter.grad is not None
                parameter.sub_(0.01 * parameter.grad)
    return losses, dict(network.state_dict()), noise.get_state()


def _step(network: Network, half: bool) -> Callable[..., Tensor]:
    def loss(clean: Tensor, labels: Tensor, *views: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=half):
            logits = network(clean)
            with frozen_statistics(network):
                z_a, z_b = (network.project(network.encode(view)) for view in views)
            return Joint().loss(logits, labels, (z_a, z_b))

    return loss


def _eager(step: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def play(*batch: Tensor) -> Tensor:
        loss = step(*batch)
        loss.backward()
        return loss

    return play


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", ENCODERS)
def test_the_same_bits_as_step_by_step(name: str, half: bool) -> None:
    """Losses, weights, running statistics and the stream of dropout masks, over two batch sizes by turns."""
    settle(torch.device("cuda"))
    losses, weights, stream = trained(name, half, captured=False)
    captured_losses, captured_weights, captured_stream = trained(name, half, captured=True)
    assert [float(loss) for loss in losses] == [float(loss) for loss in captured_losses]
    assert all(torch.equal(weights[each], captured_weights[each]) for each in weights)
    assert torch.equal(stream, captured_stream)


def test_two_losses_differ() -> None:
    """The batches are not all alike, so that a graph that kept its first inputs would be found out."""
    losses, _, _ = trained("lenet", half=False, captured=False)
    assert len({float(loss) for loss in losses}) == len(losses)
