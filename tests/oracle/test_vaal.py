"""VAAL: loss terms by hand, the direction of every target, and a toy whose far cluster nobody has labeled."""

from math import exp, log

import numpy as np
import torch
from torch import Tensor

from dalbt_ray.auxiliary.adversarial_vae import VaalAuxiliary, VaalSettings, evidence_loss, membership_loss
from dalbt_ray.auxiliary.image_coder import to_canvas
from dalbt_ray.data.image_set import ArrayImages
from dalbt_ray.metrics.auroc import auroc
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.vaal import VAAL


def iterate(
    auxiliary: VaalAuxiliary, labeled: Tensor, unlabeled: Tensor, *, discriminates: bool = True
) -> None:
    """One iteration with the authors' two autoencoder steps."""
    pair = to_canvas(labeled), to_canvas(unlabeled)
    for _ in range(2):
        auxiliary.autoencoder_step(*pair)
    if discriminates:
        auxiliary.discriminator_step(*pair)


def far_images(count: int, generator: torch.Generator) -> Tensor:
    """Noise with a bright upper half."""
    images = 0.3 * torch.rand(count, 1, 16, 16, generator=generator)
    images[:, :, :8] += 0.7
    return images


def near_images(count: int, generator: torch.Generator) -> Tensor:
    """Noise with a bright lower half: the only kind that is labeled."""
    return far_images(count, generator).flip(2)


def test_evidence_loss_by_hand() -> None:
    """Two pixels off by 0.5 and 0.1, one latent with mean 1 and variance e: 0.26 + beta (1 + e - 2) / 2."""
    images, rebuilt = torch.tensor([[[[0.5, 0.0]]]]), torch.tensor([[[[0.0, 0.1]]]])
    loss = evidence_loss(images, rebuilt, torch.tensor([[1.0]]), torch.tensor([[1.0]]), beta=2.0)
    torch.testing.assert_close(loss, torch.tensor([0.26 + exp(1) - 1]))


def test_evidence_loss_does_not_depend_on_the_batch() -> None:
    """Error and KL are per image: an image's loss is the same alone and among others."""
    generator = torch.Generator().manual_seed(0)
    images, rebuilt = torch.rand(2, 6, 1, 4, 4, generator=generator)
    mean, log_variance = torch.randn(2, 6, 3, generator=generator)
    together = evidence_loss(images, rebuilt, mean, log_variance, 1.0)
    alone = [
        evidence_loss(*(x[i : i + 1] for x in (images, rebuilt, mean, log_variance)), 1.0) for i in range(6)
    ]
    torch.testing.assert_close(together, torch.cat(alone))


def test_labeled_is_one_and_unlabeled_is_zero() -> None:
    """At a logit of log 3 (probability 3/4) the two targets cost log 4/3 and log 4."""
    logits = torch.tensor([log(3)])
    torch.testing.assert_close(membership_loss(logits, labeled=True), torch.tensor([log(4 / 3)]))
    torch.testing.assert_close(membership_loss(logits, labeled=False), torch.tensor([log(4)]))


def test_the_far_cluster_is_bought() -> None:
    """Half the pool looks like nothing labeled: the discriminator tells it apart, and it is acquired first."""
    generator = torch.Generator().manual_seed(0)
    settings = VaalSettings(width=8, latent=8, adversarial_weight=0.0, learning_rate=2e-3)
    auxiliary = VaalAuxiliary(settings, 1, generator, torch.device("cpu"))
    for _ in range(40):
        unlabeled = torch.cat([near_images(16, generator), far_images(16, generator)])
        iterate(auxiliary, near_images(32, generator), unlabeled)
    images = torch.cat([near_images(60, generator), far_images(40, generator)])
    with torch.inference_mode():
        scores = auxiliary.score(images, images.flatten(1), images.flatten(1)).numpy()
    far = np.arange(100) >= 60
    assert auroc(-scores, far) > 0.9
    pool = PoolView(
        labeled=np.zeros(100, bool),
        labels=np.full(100, -1),
        probabilities=np.full((100, 2), 0.5),
        features=np.zeros((100, 1)),
        auxiliary=scores,
    )
    assert far[VAAL().select(pool, 20, np.random.default_rng(0))].all()


def test_the_adversary_deceives() -> None:
    """With the discriminator held still, the autoencoder learns latents that it calls labeled."""

    def membership_after_training(adversarial_weight: float) -> float:
        generator = torch.Generator().manual_seed(1)
        settings = VaalSettings(
            width=8,
            latent=8,
            adversarial_weight=adversarial_weight,
            learning_rate=2e-3,
        )
        auxiliary = VaalAuxiliary(settings, 1, generator, torch.device("cpu"))
        images = near_images(32, generator)
        for _ in range(30):
            iterate(auxiliary, images, far_images(32, generator), discriminates=False)
        return auxiliary.score(images, images, images).mean().item()

    assert membership_after_training(50.0) > membership_after_training(0.0) + 0.2


def test_an_image_s_score_does_not_depend_on_its_neighbors() -> None:
    """Scoring is in evaluation mode: one image alone scores as it does in a batch."""
    generator = torch.Generator().manual_seed(2)
    auxiliary = VaalAuxiliary(VaalSettings(width=8), 1, generator, torch.device("cpu"))
    iterate(auxiliary, near_images(8, generator), far_images(8, generator))
    images = near_images(5, generator)
    together = auxiliary.score(images, images, images)
    torch.testing.assert_close(auxiliary.score(images[2:3], images, images), together[2:3])


def test_the_pool_decides_how_long_it_trains() -> None:
    """Iterations follow the unlabeled pool, not the labels: as many polls for 3 labels as for 30."""
    images = ArrayImages(np.zeros((130, 12, 12, 1), np.uint8))
    unlabeled = np.arange(30, 130)
    polls = []
    for labels in (3, 30):
        settings = VaalSettings(width=4, latent=4, pool_epochs=2.0, batch_size=32)
        auxiliary = VaalAuxiliary(settings, 1, torch.Generator().manual_seed(3), torch.device("cpu"))
        seen: list[int] = []
        auxiliary.fit(images, np.arange(labels), unlabeled, lambda seen=seen: seen.append(1))
        polls.append(len(seen))
    assert polls == [8, 8]  # 100 images in batches of 32 are 4 a pass


def test_every_image_of_the_pool_is_seen_in_a_pass() -> None:
    """One pass takes each unlabeled image once per autoencoder step: none is left out, none comes twice."""
    taken: list[int] = []

    class Spy(ArrayImages):
        def take(self, rows: np.ndarray) -> np.ndarray:
            taken.extend(rows.tolist())
            return super().take(rows)

    settings = VaalSettings(width=4, latent=4, vae_steps=1, discriminator_steps=0, batch_size=16)
    auxiliary = VaalAuxiliary(settings, 1, torch.Generator().manual_seed(4), torch.device("cpu"))
    auxiliary.fit(Spy(np.zeros((60, 12, 12, 1), np.uint8)), np.arange(10), np.arange(10, 60), lambda: None)
    assert sorted(row for row in taken if row >= 10) == list(range(10, 60))
