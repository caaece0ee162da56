"""VAAL: loss terms by hand, the direction of every target, and a toy whose far cluster nobody has labeled."""

from math import exp, log

import numpy as np
import torch
from torch import Tensor

from dalbt_ray.auxiliary import Batch
from dalbt_ray.auxiliary.adversarial_vae import VaalAuxiliary, VaalSettings, evidence_loss, membership_loss
from dalbt_ray.metrics.quality import auroc
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.vaal import VAAL


def batch_of(images: Tensor, unlabeled: Tensor | None) -> Batch:
    """A step's batch; VAAL reads nothing but the images."""
    nothing = torch.zeros(len(images), 2)
    labels = torch.zeros(len(images), dtype=torch.long)
    return Batch(images, labels, nothing, nothing, None, nothing, unlabeled)


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
        auxiliary.update(batch_of(near_images(32, generator), unlabeled))
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
            discriminator_steps=0,
            learning_rate=2e-3,
        )
        auxiliary = VaalAuxiliary(settings, 1, generator, torch.device("cpu"))
        images = near_images(32, generator)
        for _ in range(15):
            auxiliary.update(batch_of(images, far_images(32, generator)))
        return auxiliary.score(images, images, images).mean().item()

    assert membership_after_training(50.0) > membership_after_training(0.0) + 0.2


def test_an_image_s_score_does_not_depend_on_its_neighbors() -> None:
    """Scoring is in evaluation mode: one image alone scores as it does in a batch."""
    generator = torch.Generator().manual_seed(2)
    auxiliary = VaalAuxiliary(VaalSettings(width=8), 1, generator, torch.device("cpu"))
    auxiliary.update(batch_of(near_images(8, generator), far_images(8, generator)))
    images = near_images(5, generator)
    together = auxiliary.score(images, images, images)
    torch.testing.assert_close(auxiliary.score(images[2:3], images, images), together[2:3])
