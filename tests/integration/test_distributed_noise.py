"""Two gloo workers meet dropout masks, latent noise and augmentation of one process: loss and gradients of `fit` agree.

Batches of 7 images leave shares of 4 and 3. The gradients are read from the network by an auxiliary, which `fit` calls
after each step.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dalbt_ray.auxiliary import Auxiliary, Batch
from dalbt_ray.auxiliary.osr_decoder import DalOsrSettings
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import Network, NetworkSettings, build_network
from dalbt_ray.pretraining.twins_on_pool import TwinsOnPool
from dalbt_ray.trial.minibatches import Draws, TrainingImages
from dalbt_ray.trial.pretraining_run import pretrained_tensors
from dalbt_ray.trial.training import fit
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.views.digits import DigitViews
from dalbt_ray.views.shift_and_flip import ShiftAndFlip
from dalbt_ray.workers.global_batch import world_size
from dalbt_ray.workers.world import World
from tests.small_trials import small_image_set, small_trial
from tests.two_workers import WORKERS, seen_by_two_workers

BATCH, STEPS = 7, 3
CASES = {
    "dropout": NetworkSettings(dropout=0.5),
    "variational": NetworkSettings(),
    "both": NetworkSettings(latent_norm="batch", dropout=0.5),
    "augmented": NetworkSettings(),
}
Seen = dict[str, list[dict[str, Tensor]]]


class Reader(Auxiliary):
    """Keeps the gradients of every step, and puts the weights back so that no step hides behind another."""

    settings = DalOsrSettings(pool_epochs=0.0)

    def __init__(self, network: Network) -> None:
        self.network = network
        self.start = {name: value.detach().clone() for name, value in network.named_parameters()}
        self.steps: list[dict[str, Tensor]] = []

    def update(self, batch: Batch) -> None:
        """After the optimizer's step."""
        assert len(batch.images) < BATCH or world_size() == 1
        gradients = {}
        for name, value in self.network.named_parameters():
            if value.grad is not None:
                gradients[name] = value.grad.clone()
            value.data.copy_(self.start[name])
        self.steps.append(gradients)


def train(case: str, world: World) -> list[dict[str, Tensor]]:
    """Gradients of each step, and the mean loss of the epoch beside the last."""
    image_set, trial = small_image_set(), small_trial()
    trial = replace(trial, training=replace(trial.training, epochs=1, batch_size=BATCH))
    if case == "augmented":
        trial = replace(trial, augmentation=ShiftAndFlip(shift=0.25, flip=0.5))
    network = build_network(
        LeNet(latent_dim=8),
        CASES[case],
        image_set.images.shape,
        3,
        torch.Generator().manual_seed(1),
        variational=case in ("variational", "both"),
    )
    rows = torch.arange(120).numpy()
    reader = Reader(network)
    report = fit(
        network,
        TrainingImages(
            images=TrialImages(image_set.images, rows),
            labeled=rows[: BATCH * STEPS],
            labels=image_set.labels[: BATCH * STEPS].astype("int64"),
            pool=rows,
            unlabeled=rows[BATCH * STEPS :],
        ),
        trial,
        draws=Draws(seed=5, round_index=0),
        world=world,
        device=torch.device("cpu"),
        auxiliaries=[reader],
    )
    reader.steps[-1]["loss"] = torch.tensor(report.loss)
    return reader.steps


def pretrain(world: World, cache: Path, learning_rate: float = 3e-3) -> dict[str, Tensor]:
    """Encoder and latent after three steps of Barlow Twins, the last of them on 31 images."""
    image_set = small_image_set()
    trial = replace(
        small_trial(
            pretraining=TwinsOnPool(epochs=1, batch_size=32, learning_rate=learning_rate), views=DigitViews()
        ),
        network=NetworkSettings(latent_norm="batch"),
    )
    return pretrained_tensors(
        trial,
        TrialImages(image_set.images, torch.arange(95).numpy()),
        3,
        data_hash="squares",
        cache=cache,
        world=world,
        device=torch.device("cpu"),
        stop=lambda: False,
    )


def all_cases(rank: int, folder: Path) -> Seen:
    """One worker's values of every case."""
    world = World(rank, WORKERS)
    seen = {case: train(case, world) for case in CASES}
    return seen | {"pretrained": [pretrain(world, folder / "cache")]}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """What each of the two workers saw, by case."""
    return seen_by_two_workers(all_cases, tmp_path_factory.mktemp("gloo"))


@pytest.mark.parametrize("rank", range(WORKERS))
@pytest.mark.parametrize("case", CASES)
def test_two_workers_equal_one_process(seen: list[Seen], case: str, rank: int) -> None:
    """Every gradient of every step, and the loss, agree to 1e-5; later steps show that the streams stay together."""
    expected = train(case, World())
    assert len(expected) == STEPS
    for step, values in enumerate(expected):
        assert seen[rank][case][step].keys() == values.keys()
        assert max(value.abs().max() for value in values.values()) > 1e-2
        for name, value in values.items():
            torch.testing.assert_close(
                seen[rank][case][step][name], value, rtol=1e-4, atol=1e-5, msg=f"{case}, step {step}: {name}"
            )


def test_two_workers_pretrain_as_one(seen: list[Seen], tmp_path: Path) -> None:
    """Views of the global batch, its cross-correlation, statistics of all its images: the same way from the start.

    In units of its length, and of weights alone, since Adam makes whole steps of gradients that are nothing but
    rounding: normalization takes every bias before it away.
    """
    expected, start = pretrain(World(), tmp_path), pretrain(World(), tmp_path, learning_rate=0.0)
    for rank in range(WORKERS):
        (values,) = seen[rank]["pretrained"]
        assert values.keys() == expected.keys()
        for name in (each for each in expected if each.endswith("weight")):
            way = (expected[name] - start[name]).norm()
            assert (values[name] - expected[name]).norm() <= 0.2 * way, f"rank {rank}: {name}"


@pytest.mark.parametrize("case", CASES)
def test_another_seed_of_the_noise_would_show(case: str) -> None:
    """The tolerance tells apart what different noise gives: two steps on the same weights differ by far more."""
    first, second, *_ = train(case, World())
    assert max((first[name] - second[name]).abs().max() for name in first) > 1e-2
