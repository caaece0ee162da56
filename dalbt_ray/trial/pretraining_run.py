"""Pretrain a trial's encoder on its pool: once for all rounds, and for all trials of the seed that share the pool."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from math import ceil
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dalbt_ray.config import ALGORITHM_VERSION, Trial
from dalbt_ray.models.adam import Adam
from dalbt_ray.models.network import Network, NetworkSettings, build_network, unit_range
from dalbt_ray.models.norm import frozen_statistics
from dalbt_ray.models.one_cycle import one_cycle
from dalbt_ray.options.canonical import essence
from dalbt_ray.pretraining import Pretraining
from dalbt_ray.seeding import generator, torch_generator
from dalbt_ray.trial.training import Diverged, Stopped
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.views.pair_of_views import Share
from dalbt_ray.workers.device import moved
from dalbt_ray.workers.world import World

SETTLING = 50
"""Batches of clean images that make the running statistics, of which training saw none."""


def pretrained_tensors(
    trial: Trial,
    images: TrialImages,
    classes: int,
    *,
    data_hash: str,
    cache: Path | None,
    world: World,
    device: torch.device,
    stop: Callable[[], bool],
) -> dict[str, Tensor]:
    """Encoder and latent of a trial after its pretraining, by the names that `Network` gives them, on the CPU.

    Kept in `cache` as safetensors, under a key of all that they depend on; whoever comes while another process of this
    machine is at it waits for its result.

    Args:
        trial: seed, encoder, network, views and pretraining.
        images: the pool's n images.
        classes: number of classes, which the network is built for; it changes nothing that is kept.
        data_hash: of the image set.
        cache: a folder that is made if it is not there; None keeps nothing.
        world: the workers that share each batch; all call this function.
        device: where this worker computes.
        stop: polled before each step.

    Raises:
        Stopped: `stop()` was true.
        Diverged: the loss became NaN or infinite.
    """
    from safetensors.torch import load, save

    if cache is None:
        return _trained_tensors(trial, images, classes, world, device, stop)
    file = cache / f"{pretraining_key(trial, data_hash, device)}.safetensors"
    with _only_one(file.with_suffix(".lock"), wanted=world.leads):
        kept = world.agree(file.read_bytes() if world.leads and file.exists() else b"")
        if kept:
            return dict(load(kept))
        tensors = _trained_tensors(trial, images, classes, world, device, stop)
        if world.leads:
            _write(file, save(tensors))
    return tensors


def _trained_tensors(
    trial: Trial,
    images: TrialImages,
    classes: int,
    world: World,
    device: torch.device,
    stop: Callable[[], bool],
) -> dict[str, Tensor]:
    """What is kept of a network after its pretraining."""
    network = build_network(trial.encoder, _network(trial), images.shape, classes, _draws(trial, 0)).to(
        device
    )
    _train(network, images, trial, world, device, stop)
    return {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if name.split(".")[0] in ("encoder", "latent", "latent_norm")
    }


def pretraining_key(trial: Trial, data_hash: str, device: torch.device) -> str:
    """16 hex digits of all that pretrained weights depend on; strategy, learner, budget and recipe are not among it."""
    said = {
        "seed": trial.seed,
        "pretraining": {name: value for name, value in essence(trial.pretraining).items() if name != "then"},
        "encoder": essence(trial.encoder),
        "network": essence(_network(trial)),
        "views": essence(trial.views),
        "splits": essence(trial.splits),
        "data": data_hash,
        "algorithm": ALGORITHM_VERSION,
        # The last bits depend on both, and a cache may be shared by unlike machines.
        "torch": torch.__version__,
        "device": device.type,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _network(trial: Trial) -> NetworkSettings:
    """Without dropout, which is the rounds' affair: a dropout learner shares its pretraining with a plain one."""
    return replace(trial.makeup.network, dropout=0.0)


class _Step(nn.Module):
    """The loss of one step as one forward, since DDP wants one forward per backward."""

    def __init__(self, network: Network, pretraining: Pretraining) -> None:
        super().__init__()
        self.network, self.pretraining = network, pretraining

    def forward(self, views: tuple[Tensor, Tensor]) -> Tensor:
        """Scalar loss of the global batch."""
        z_a, z_b = (self.network.project(self.network.encode(view)) for view in views)
        return self.pretraining.loss(z_a, z_b)


def _train(
    network: Network,
    images: TrialImages,
    trial: Trial,
    world: World,
    device: torch.device,
    stop: Callable[[], bool],
) -> None:
    pretraining, share = trial.pretraining, slice(world.rank, None, world.size)
    view_draws, total = _draws(trial, 1), pretraining.steps(len(images))
    network.classifier.requires_grad_(False)
    step = _Step(network, pretraining)
    parallel = DistributedDataParallel(step, broadcast_buffers=False) if world.size > 1 else step
    optimizer = Adam(
        [p for p in network.parameters() if p.requires_grad],
        learning_rate=pretraining.learning_rate,
        weight_decay=pretraining.weight_decay,
    )

    def take(rows: NDArray[np.int64]) -> Tensor:
        pixels = moved(torch.from_numpy(images.take(rows[share])), device).permute(0, 3, 1, 2)
        return unit_range(pixels).contiguous(memory_format=torch.channels_last)

    network.train()
    loss = torch.zeros(())
    with frozen_statistics(network):
        for done, rows in enumerate(_batches(trial, len(images), pretraining.epochs)):
            if stop():
                raise Stopped
            views = trial.views.make(take(rows), view_draws, Share(world.rank, world.size, len(rows)))
            optimizer.zero_grad()
            loss = parallel(views)
            loss.backward()
            optimizer.learning_rate, optimizer.beta_1 = one_cycle(done, total, pretraining.learning_rate)
            optimizer.step()
    if not torch.isfinite(loss.detach()).item():
        raise Diverged(f"the pretraining's loss is {loss.item()}; lower pretraining.learning_rate")
    with torch.no_grad():
        for _, rows in zip(range(SETTLING), _batches(trial, len(images), SETTLING), strict=False):
            network.encode(take(rows))
    world.share_buffers(network)
    network.eval()


def _batches(trial: Trial, count: int, epochs: int) -> Iterator[NDArray[np.int64]]:
    """`epochs` permutations of the pool's rows, each split evenly."""
    order = generator(trial.seed, 0, "pretraining")
    for _ in range(epochs):
        yield from np.array_split(order.permutation(count), ceil(count / trial.pretraining.batch_size))


def _draws(trial: Trial, member: int) -> torch.Generator:
    """Weights (0) or views (1)."""
    return torch_generator(trial.seed, 0, "pretraining", member)


@contextmanager
def _only_one(lock: Path, *, wanted: bool) -> Iterator[None]:
    """Inside, no other process of this machine that asks is inside too; the lock ends with its process."""
    if not wanted:
        yield
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    with NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as staged:
        staged.write(content)
        staged.flush()
        os.fsync(staged.fileno())
    Path(staged.name).replace(file)
