"""Two gloo workers train a strategy's own networks as one process does, from different and unequal shards."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dalbt_ray.auxiliary import AuxiliarySettings, Batch
from dalbt_ray.auxiliary.adversarial_vae import VaalAuxiliary, VaalSettings
from dalbt_ray.auxiliary.osr_decoder import DalOsrAuxiliary, DalOsrSettings
from dalbt_ray.auxiliary.wasserstein_critic import WaalAuxiliary, WaalSettings
from dalbt_ray.data.image_set import ArrayImages
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.workers.global_batch import share_of_draw, world_size
from tests.two_workers import seen_by_two_workers

IMAGES, SHAPE = 11, (12, 12, 1)  # shards of 6 and 5
SETTINGS: dict[str, AuxiliarySettings] = {
    "vaal": VaalSettings(width=4, latent=4, batch_size=IMAGES, pool_epochs=2.0),
    "waal": WaalSettings(weight=1.0),
    "dal_osr": DalOsrSettings(width=4),
}
Seen = dict[str, dict[str, Tensor]]


class Step(nn.Module):
    """The auxiliary's part of the loss, as one forward of a network."""

    def __init__(self, name: str) -> None:
        super().__init__()
        variational = name == "dal_osr"
        settings = NetworkSettings(projector=())
        self.network = build_network(
            LeNet(latent_dim=6), settings, SHAPE, 3, torch.Generator().manual_seed(1), variational=variational
        )
        self.noise = torch.Generator().manual_seed(3)
        self.auxiliary = SETTINGS[name].build(
            self.network,
            image_shape=SHAPE,
            classes=3,
            labeled=10,
            unlabeled=20,
            generator=torch.Generator().manual_seed(2),
            device=torch.device("cpu"),
        )

    def forward(self, images: Tensor, unlabeled: Tensor) -> Tensor:
        """The auxiliary loss, plus what keeps every weight in the graph."""
        if self.network.log_variance is None:
            mean, log_variance = self.network.encode(images), None
            features = mean
        else:
            mean, log_variance = self.network.encode_distribution(images)
            # As trial/training.py samples the latent.
            normal = share_of_draw(
                len(images), lambda total: torch.randn(total, 6, generator=self.noise), torch.device("cpu")
            )
            features = mean + (log_variance / 2).exp() * normal
        logits = self.network.classify(features)
        labels = torch.zeros(len(images), dtype=torch.long)
        self.seen = Batch(images, labels, features, mean, log_variance, logits, unlabeled)
        return self.auxiliary.loss(self.seen) + 0 * logits.sum()


def own_networks(step: Step) -> dict[str, Tensor]:
    """Weights of the auxiliary's networks."""
    match step.auxiliary:
        case VaalAuxiliary():
            modules = {"vae": step.auxiliary.vae, "discriminator": step.auxiliary.discriminator}
        case WaalAuxiliary():
            modules = {"critic": step.auxiliary.critic}
        case DalOsrAuxiliary():
            modules = {"decoder": step.auxiliary.decoder}
    return {
        f"{part}.{name}": value.detach().clone()
        for part, module in modules.items()
        for name, value in module.named_parameters()
    }


def run(name: str, rank: int) -> dict[str, Tensor]:
    """Gradients of the first loss, and the auxiliary's own weights after two updates, on this worker's rows."""
    torch.manual_seed(0)
    step = Step(name)
    generator = torch.Generator().manual_seed(0)
    images, unlabeled = torch.rand(2, IMAGES, 1, 12, 12, generator=generator)
    parallel = DistributedDataParallel(step) if world_size() > 1 else step
    result: dict[str, Tensor] = {}
    for _ in range(2):
        step.zero_grad()
        parallel(images[rank :: world_size()], unlabeled[rank :: world_size()]).backward()
        if not result:
            for key, value in step.network.named_parameters():
                if value.grad is not None:
                    result[f"gradient.{key}"] = value.grad.clone()
        step.auxiliary.update(step.seen)
    pool = ArrayImages(noise_images(generator))
    step.auxiliary.fit(pool, np.arange(IMAGES), np.arange(IMAGES, len(pool)), lambda: None)
    return result | own_networks(step)


def noise_images(generator: torch.Generator) -> np.ndarray:
    """Noise, uint8[3 * IMAGES, *SHAPE]."""
    return torch.randint(0, 256, (3 * IMAGES, *SHAPE), generator=generator, dtype=torch.uint8).numpy()


def all_auxiliaries(rank: int, _folder: Path) -> Seen:
    """One worker's values of every auxiliary."""
    return {name: run(name, rank) for name in SETTINGS}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """What each of the two workers saw, by auxiliary."""
    return seen_by_two_workers(all_auxiliaries, tmp_path_factory.mktemp("gloo"))


@pytest.mark.parametrize("name", SETTINGS)
def test_workers_stay_in_step(seen: list[Seen], name: str) -> None:
    """After updates on different images both workers hold exactly the same networks."""
    first, second = (result[name] for result in seen)
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


@pytest.mark.parametrize("name", SETTINGS)
def test_two_workers_equal_one(seen: list[Seen], name: str) -> None:
    """Gradients of the network and weights after the updates are those of one process on the whole batches.

    Noise included: each image of the global batch has its own, anyone who holds it.
    """
    expected = run(name, 0)
    for key, value in expected.items():
        torch.testing.assert_close(seen[0][name][key], value, rtol=1e-3, atol=2e-5, msg=key)
    gradients = [value.abs().max() for key, value in expected.items() if key.startswith("gradient")]
    assert name == "vaal" or max(gradients) > 1e-3
