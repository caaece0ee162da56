"""Two gloo workers with different, unequal shards compute the value and the gradient of one process.

Each case is a module whose forward takes a shard of a batch and returns this worker's loss. A worker steps as
DistributedDataParallel does (gradients averaged over workers); the oracle runs the same module on the whole
batch in one process. One pair of processes runs all cases and leaves its numbers in files.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dalbt_ray.losses.barlow_twins import barlow_twins_loss
from dalbt_ray.losses.cross_entropy import cross_entropy
from dalbt_ray.models.encoder import Encoder
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.models.norm import GlobalBatchNorm, frozen_statistics
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.objective import Objective
from dalbt_ray.objectives.vicreg import Vicreg
from dalbt_ray.workers.global_batch import world_size
from tests.two_workers import WORKERS, seen_by_two_workers

IMAGES = 11  # shards of 6 and 5
Shard = tuple[Tensor, ...]


def batch() -> Shard:
    """Images, two views and labels of the whole batch; worker r owns the rows r, r + 2, ..."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(IMAGES, 3, 12, 12, generator=generator)
    view_a, view_b = (images + 0.2 * torch.rand(images.shape, generator=generator) for _ in range(2))
    return images, view_a, view_b, torch.randint(0, 4, (IMAGES,), generator=generator)


class BarlowTwinsStep(nn.Module):
    """Barlow Twins on a linear map of the views."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(3 * 12 * 12, 6)

    def forward(self, _images: Tensor, view_a: Tensor, view_b: Tensor, _labels: Tensor) -> Tensor:
        """The loss, the same on every worker."""
        return barlow_twins_loss(self.map(view_a.flatten(1)), self.map(view_b.flatten(1)), 0.3)


class BatchNormStep(nn.Module):
    """Batch-norm over images and pixels between two learned maps."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.norm, self.read = nn.Conv2d(3, 5, 3), GlobalBatchNorm(5), nn.Linear(5, 4)

    def forward(self, images: Tensor, _view_a: Tensor, _view_b: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of normalized, rectified maps."""
        return cross_entropy(self.read(torch.relu(self.norm(self.map(images))).mean((2, 3))), labels)


class NetworkStep(nn.Module):
    """An objective through a real network, with batch-norm in the latent and in the projector."""

    def __init__(self, encoder: Encoder, objective: Objective) -> None:
        super().__init__()
        self.objective = objective
        settings = NetworkSettings(latent_norm="batch", projector=(8, 8))
        self.network = build_network(encoder, settings, (12, 12, 3), 4, torch.Generator().manual_seed(1))

    def forward(self, images: Tensor, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Tensor:
        """Clean forward, two frozen view forwards, joint loss."""
        network = self.network
        logits = network.classify(network.encode(images))
        with frozen_statistics(network):
            z_a, z_b = network.project(network.encode(view_a)), network.project(network.encode(view_b))
        return self.objective.loss(logits, labels, (z_a, z_b))


CASES: dict[str, Callable[[], nn.Module]] = {
    "barlow_twins": BarlowTwinsStep,
    "batch_norm": BatchNormStep,
    "joint": lambda: NetworkStep(
        LeNet(latent_dim=8), Joint(self_supervised_weight=0.1, redundancy_weight=0.3)
    ),
    "vicreg": lambda: NetworkStep(LeNet(latent_dim=8), Vicreg(self_supervised_weight=0.1)),
}


def step(case: str, rank: int) -> dict[str, Tensor]:
    """Loss averaged over workers, gradients and buffers after one backward on this worker's rows."""
    torch.manual_seed(0)
    module = CASES[case]()
    parallel = DistributedDataParallel(module) if world_size() > 1 else module
    loss = parallel(*(values[rank :: world_size()] for values in batch()))
    loss.backward()
    total = loss.detach().clone()
    if world_size() > 1:
        dist.all_reduce(total)
    gradients = {name: value.grad for name, value in module.named_parameters() if value.grad is not None}
    return {"loss": total / world_size(), **gradients, **dict(module.named_buffers())}


def all_cases(rank: int, _folder: Path) -> dict[str, dict[str, Tensor]]:
    """One worker's values of every case."""
    return {case: step(case, rank) for case in CASES}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Tensor]]]:
    """What each of the two workers saw, by case."""
    return seen_by_two_workers(all_cases, tmp_path_factory.mktemp("gloo"))


@pytest.mark.parametrize("rank", range(WORKERS))
@pytest.mark.parametrize("case", CASES)
def test_two_workers_equal_one_process(
    seen: list[dict[str, dict[str, Tensor]]], case: str, rank: int
) -> None:
    """Loss, every gradient and every running average agree to 1e-5."""
    expected = step(case, 0)
    assert seen[rank][case].keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(seen[rank][case][name], value, rtol=1e-4, atol=1e-5, msg=f"{case}: {name}")


def test_gradients_are_large_enough_to_compare() -> None:
    """The tolerance above would notice a factor of two: gradients are far from zero."""
    for case in CASES:
        gradients = step(case, 0)
        assert any(
            value.abs().max() > 1e-2 for name, value in gradients.items() if name.endswith("weight")
        ), case
