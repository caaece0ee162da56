"""DAL-OSR: the tail fit against scipy, ranking where the probability saturates, loss terms by hand."""

from math import exp, log

import numpy as np
import pytest
import torch
from scipy.stats import weibull_min

from dalbt_ray.auxiliary import Batch
from dalbt_ray.auxiliary.osr_decoder import DalOsrSettings, bottleneck_loss
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dal_osr import DalOsr
from dalbt_ray.strategies.open_set_tails import OpenSetTails, Tail


def clusters(ood: int = 0) -> PoolView:
    """Three classes along three axes, 60 labeled and 40 unlabeled each, and OOD images along a fourth axis."""
    rng = np.random.default_rng(0)
    centers = 5 * np.eye(4)
    features = np.concatenate(
        [centers[k] + rng.normal(size=(100, 4)) for k in range(3)]
        + [centers[3] * np.array([0.2, 0.2, 0.2, 1]) + rng.normal(size=(ood, 4))]
    )
    labeled = np.concatenate([np.arange(300) % 100 < 60, np.zeros(ood, bool)])
    truth = np.concatenate([np.repeat(np.arange(3), 100), np.full(ood, -1)])
    logits = features[:, :3]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, truth, -1),
        probabilities=odds / odds.sum(axis=1, keepdims=True),
        features=features,
    )


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_tail_fit_equals_scipy_after_libmr_s_shift(share: float) -> None:
    """Shape and scale of the largest distances, moved so that they start at 1, to 1e-4 relative."""
    distances = np.random.default_rng(1).gamma(3.0, 0.02, size=100)
    (tail,) = Tail.of_each([distances], share)
    largest = np.sort(distances)[-max(10, int(100 * share)) :]
    shape, _, scale = weibull_min.fit(largest - largest.min() + 1, floc=0)
    assert tail is not None
    assert tail.fit.shape == pytest.approx(shape, rel=1e-4)
    assert tail.fit.scale == pytest.approx(scale, rel=1e-4)
    points = np.array([0.0, 0.05, 0.2, 0.5])
    expected = weibull_min.logsf(points + 1 - largest.min(), shape, scale=scale)
    np.testing.assert_allclose(-np.exp(tail.log_hazard(points)), expected, rtol=1e-2)


def test_constant_distances_have_no_tail() -> None:
    """The fit is what libMR calls invalid and scipy gives a shape of 3e9; here there is none."""
    assert Tail.of_each([np.full(30, 0.3)], 0.5) == [None]


def test_hazard_by_a_loop_over_images() -> None:
    """Every image: cosine distance to the mean of its predicted class, under that class's scipy fit."""
    pool = clusters()
    tails = OpenSetTails.of(pool, 0.5)
    assert tails is not None
    hazard = tails.log_hazard(pool.features, pool.predicted)
    for image in range(0, 300, 23):
        label = pool.predicted[image]
        known = pool.labeled & (pool.labels == label) & (pool.predicted == label)
        mean = pool.features[known].mean(axis=0)

        def distance(z: np.ndarray, mean: np.ndarray = mean) -> float:
            return 1 - float(z @ mean / np.linalg.norm(z) / np.linalg.norm(mean))

        own = np.sort([distance(z) for z in pool.features[known]])
        tail = own[-int(0.5 * len(own)) :]
        shape, _, scale = weibull_min.fit(tail - tail.min() + 1, floc=0)
        expected = shape * np.log((distance(pool.features[image]) + 1 - tail.min()) / scale)
        assert hazard[image] == pytest.approx(expected, rel=5e-3, abs=5e-3)


def test_foreign_images_rank_apart_although_their_probability_saturates() -> None:
    """Outlier probability of exactly 1 for many, yet `most_outlying` orders them and acquires OOD ones first."""
    pool = clusters(ood=60)
    strategy = DalOsr(policy="most_outlying")
    ood = np.arange(360) >= 300
    assert (strategy.score(pool)[ood] == 1.0).sum() > 5
    assert len(np.unique(strategy.ranking(pool)[ood])) == 60
    assert ood[strategy.select(pool, 30, np.random.default_rng(0))].mean() > 0.9
    least = DalOsr(policy="least_outlying").select(pool, 30, np.random.default_rng(0))
    assert not ood[least].any()


def test_least_confident_is_the_default_and_reads_the_softmax_alone() -> None:
    """The published curves' rule: lowest largest probability first."""
    pool = clusters()
    picks = DalOsr().select(pool, 10, np.random.default_rng(0))
    confidence = np.where(pool.labeled, 2.0, pool.probabilities.max(axis=1))
    assert picks.tolist() == np.argsort(confidence)[:10].tolist()


def test_loss_terms_by_hand() -> None:
    """One pixel 1 at logit log 3, two latents: log 4/3 for the pixel, 0.1 times the mean KL."""
    loss = bottleneck_loss(
        torch.ones(1, 1, 1, 1),
        torch.full((1, 1, 1, 1), log(3)),
        torch.tensor([[1.0, 0.0]]),
        torch.tensor([[0.0, 1.0]]),
        DalOsrSettings(),
    )
    kl = (0.5 * 1 + 0.5 * (exp(1) - 2)) / 2
    torch.testing.assert_close(loss, torch.tensor(log(4 / 3) + 0.1 * kl))


def test_decoder_learns_from_the_classifier_s_loss() -> None:
    """Backward through `loss` and one `update` after it: the reconstruction improves, for any image size."""
    generator = torch.Generator().manual_seed(0)
    shape = (20, 14, 3)
    network = build_network(
        LeNet(latent_dim=8), NetworkSettings(), shape, 3, generator, variational=True
    ).train()
    auxiliary = DalOsrSettings(width=4, beta=0.0, learning_rate=0.01).build(
        network,
        image_shape=shape,
        classes=3,
        labeled=16,
        unlabeled=16,
        generator=generator,
        device=torch.device("cpu"),
    )
    images = 0.1 + 0.1 * torch.rand(16, 3, 20, 14, generator=generator)
    losses = []
    for _ in range(30):
        mean, log_variance = network.encode_distribution(images)
        nothing = torch.zeros(16, 3)
        batch = Batch(images, torch.zeros(16, dtype=torch.long), mean, mean, log_variance, nothing, None)
        loss = auxiliary.loss(batch)
        loss.backward()
        auxiliary.update(batch)
        losses.append(loss.item())
    assert losses[-1] < 0.75 * losses[0]
    assert auxiliary.score(images, mean, nothing) is None
