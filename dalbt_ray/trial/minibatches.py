"""What a round trains on, batch by batch: order, views and masks all drawn from the seed tree."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.config import Trial
from dalbt_ray.models.network import unit_range
from dalbt_ray.seeding import Purpose, generator, torch_generator
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.views.pair_of_views import Share
from dalbt_ray.workers.device import moved
from dalbt_ray.workers.world import World


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The random streams of one network in one round; `member` tells the networks of an ensemble apart."""

    seed: int
    round_index: int
    member: int = 0

    def numpy(self, purpose: Purpose) -> np.random.Generator:
        """NumPy stream of a purpose."""
        return generator(self.seed, self.round_index, purpose, self.member)

    def torch(self, purpose: Purpose, device: torch.device | str = "cpu") -> torch.Generator:
        """Torch stream of a purpose on a device."""
        return torch_generator(self.seed, self.round_index, purpose, self.member, device)


@dataclass(frozen=True, kw_only=True)
class TrainingImages:
    """What a round may train on.

    Attributes:
        images: the pool's n images; all rows below are rows of it.
        labeled: int64[m], rows of the images with a known answer.
        labels: int64[m], their classes; one beyond the known classes for those that are none of ours.
        pool: int64[p], rows of labeled and unlabeled images alike, for losses that read images without labels.
        unlabeled: int64[u], rows of the unlabeled images.
    """

    images: TrialImages
    labeled: NDArray[np.int64]
    labels: NDArray[np.int64]
    pool: NDArray[np.int64]
    unlabeled: NDArray[np.int64]


@dataclass(frozen=True)
class Minibatch:
    """One worker's share of a step; images are float[b, c, h, w] in 0..1 on the device."""

    images: Tensor
    labels: Tensor
    views: tuple[Tensor, Tensor] | None
    unlabeled: Tensor | None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What the loss reads where no other networks are trained along."""
        return self.images, self.labels, *(self.views or ())


def minibatches(
    data: TrainingImages,
    trial: Trial,
    draws: Draws,
    world: World,
    device: torch.device,
    total: int,
    with_unlabeled: bool,
) -> Iterator[Minibatch]:
    """`total` minibatches; an epoch has every labeled image equally often, in random order, split evenly."""
    recipe, share = trial.training, slice(world.rank, None, world.size)
    order, others = draws.numpy("batches"), draws.numpy("unlabeled_batches")
    # Drawn on the CPU whatever the device: few numbers, and every device makes the same views.
    view_draws, augmentation_draws = draws.torch("views"), draws.torch("augmentation")
    labeled = torch.from_numpy(data.images.take(data.labeled)).to(device).permute(0, 3, 1, 2)
    labels = torch.from_numpy(data.labels).to(device)

    def floats(images: Tensor) -> Tensor:
        return unit_range(images).contiguous(memory_format=torch.channels_last)

    def take(rows: NDArray[np.int64]) -> Tensor:
        images = torch.from_numpy(data.images.take(rows[share]))
        return floats(moved(images, device).permute(0, 3, 1, 2))

    made = 0
    while made < total:
        epoch = order.permutation(recipe.epoch_of(len(labels))) % len(labels)
        for indices in np.array_split(epoch, ceil(len(epoch) / recipe.batch_size))[: total - made]:
            mine = moved(torch.from_numpy(indices[share]), device)
            clean = floats(labeled[mine])
            whole = Share(world.rank, world.size, len(indices))
            images = trial.augmentation.make(clean, augmentation_draws, whole)
            views = None
            if trial.objective.needs_views:
                sources = clean
                if trial.objective.viewed_images == "labeled+unlabeled":
                    sources = take(others.choice(data.pool, size=len(indices), replace=False))
                views = trial.views.make(sources, view_draws, whole)
            unlabeled = None
            if with_unlabeled and len(data.unlabeled):
                count = min(len(indices), len(data.unlabeled))
                unlabeled = trial.augmentation.make(
                    take(others.choice(data.unlabeled, size=count, replace=False)),
                    augmentation_draws,
                    Share(world.rank, world.size, count),
                )
            made += 1
            yield Minibatch(images, labels[mine], views, unlabeled)
