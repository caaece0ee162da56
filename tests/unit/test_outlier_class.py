"""A class for what is none of ours: trained from bought OOD images, never among the probabilities of the known ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.image_set import ArrayImages, ImageSet
from dalbt_ray.errors import InputError
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.strategies import get_strategy
from dalbt_ray.trial.networks import Run, score_pool, score_test, train_networks
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.round_rows import replay
from dalbt_ray.trial.rounds import run_round
from dalbt_ray.trial.scoring import score_batch
from dalbt_ray.workers.world import World
from tests.small_trials import small_image_set, small_trial

OOD = 30


def open_trial(strategy: str = "random", **changes: object) -> Trial:
    """A mixed pool whose OOD images teach."""
    training = Training(epochs=12, batch_size=8, outlier_class=True)
    return small_trial(strategy, ood=OOD, ood_policy="learn", budget=30, training=training, **changes)


def as_features(pixels: ImageSet) -> ImageSet:
    """The same images as rows of features, as a frozen encoder leaves them."""

    def rows(images: np.ndarray) -> np.ndarray:
        flat = images.reshape(len(images), 1, 1, -1).astype(np.float32)
        return (flat - 60) / np.float32(480)

    everything = pixels.images.take(np.arange(len(pixels.labels)))
    return replace(pixels, images=ArrayImages(rows(everything)), test_images=rows(pixels.test_images))


def run_of(trial: Trial, image_set: ImageSet) -> Run:
    """The trial in this process."""
    return Run(
        trial=trial, image_set=image_set, oracle=Oracle.prepare(trial, image_set), world=World(),
        device=torch.device("cpu"), stop=lambda: False, own_code={},
    )  # fmt: skip


@pytest.mark.parametrize("frozen", [False, True])
def test_bought_ood_images_teach_a_class_of_their_own(frozen: bool) -> None:
    """After one query the head has a class more, which tells noise that was not bought from squares."""
    image_set = small_image_set(ood=OOD)
    trial = open_trial()
    if frozen:
        image_set, trial = as_features(image_set), replace(trial, encoder=Frozen())
    run = run_of(trial, image_set)
    record, networks = run_round(run, replay(trial, run.oracle, []), [], [])
    assert networks[0].classifier.out_features == 3
    state = replay(trial, run.oracle, [record])
    assert (state.removed == (run.oracle.is_ood & (state.bought == 0))).all()
    assert state.removed.any()
    trained = train_networks(run, state, 1, networks)
    assert trained.networks[0].classifier.out_features == 4
    pool = score_pool(run, trained, 1)
    assert pool.probabilities.shape == (len(run.oracle.labels), 3)
    np.testing.assert_allclose(pool.probabilities.sum(axis=1), 1, rtol=1e-6)
    unseen = ~state.labeled & ~state.removed
    assert pool.outlier_probability is not None
    foreign = pool.outlier_probability > 0.5
    assert (foreign == run.oracle.is_ood)[unseen].mean() > 0.9
    assert (
        score_test(run, trained.networks).probabilities.argmax(axis=1) == run.oracle.test_labels
    ).mean() > 0.9


def test_round_0_is_that_of_a_trial_without_the_class() -> None:
    """Nothing has been bought, so the class changes neither the network nor its name."""
    image_set = small_image_set(ood=OOD)
    with_class = open_trial()
    without = replace(with_class, training=replace(with_class.training, outlier_class=False))
    assert with_class.network_id == without.network_id
    rows = [
        run_round(run := run_of(trial, image_set), replay(trial, run.oracle, []), [], [])[0].row
        for trial in (with_class, without)
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("policy", ["return", "discard"])
def test_a_method_that_learns_from_ood_images_wants_to_be_shown_them(policy: str) -> None:
    """In a mixed pool; in a pool without OOD images there is nothing to be shown."""
    mixed = small_trial(ood=OOD, ood_policy=policy)
    with pytest.raises(InputError, match=rf"ood_policy='{policy}' shows it none; --set ood_policy=learn"):
        replace(mixed, strategy=get_strategy("k_plus_one"))
    with pytest.raises(InputError, match=r"training\.outlier_class"):
        replace(mixed, training=Training(outlier_class=True))
    replace(small_trial(ood_policy=policy), strategy=get_strategy("k_plus_one"))


def test_a_warm_start_cannot_gain_a_class() -> None:
    """Its weights would not fit."""
    with pytest.raises(InputError, match=r"training\.init: 'warm'"):
        Trial(strategy=get_strategy("k_plus_one"), training=Training(init="warm"))


def test_members_that_predict_together_judge_ood_images_together() -> None:
    """The mean of their softmax over K + 1 classes, of which `probabilities` has the first K, given these."""
    generator = torch.Generator().manual_seed(0)
    networks = [
        build_network(LeNet(), NetworkSettings(), (12, 12, 1), 3, generator, outlier_class=True).eval()
        for _ in range(2)
    ]
    images = small_image_set().images.take(np.arange(9))
    pixels = torch.tensor(images).permute(0, 3, 1, 2)
    with torch.inference_mode():
        every = np.stack([network(pixels).double().softmax(dim=1).numpy() for network in networks])
    alone, both = (score_batch(networks, images, together=together) for together in (False, True))
    np.testing.assert_allclose(alone.outlier_probability, every[0, :, 3], rtol=1e-6)
    np.testing.assert_allclose(both.outlier_probability, every[:, :, 3].mean(axis=0), rtol=1e-6)
    known = every[:, :, :3] / (1 - every[:, :, 3:])
    np.testing.assert_allclose(both.probabilities, known.mean(axis=0), rtol=1e-6)
