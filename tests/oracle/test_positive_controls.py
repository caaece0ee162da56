"""Half of the classes of real images have no label: what the methods train for themselves must notice.

Fashion-MNIST, 6,000 of the packaged images, 20 labels for each of five classes. A method that cannot tell the other
five apart here does nothing for a query, however right its formulas are.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dalbt_ray.auxiliary import Auxiliary
from dalbt_ray.auxiliary.adversarial_vae import VaalAuxiliary
from dalbt_ray.auxiliary.image_coder import to_canvas
from dalbt_ray.auxiliary.osr_decoder import DalOsrAuxiliary
from dalbt_ray.config import Training, Trial
from dalbt_ray.data.image_set import ImageSet, load_image_set
from dalbt_ray.metrics.auroc import auroc
from dalbt_ray.models.network import build_network
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies import get_strategy
from dalbt_ray.trial.minibatches import Draws, TrainingImages
from dalbt_ray.trial.scoring import Scores, score_batch
from dalbt_ray.trial.training import fit
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.workers.world import World

IMAGES, LABELS_A_CLASS = 6_000, 20
PRESENT = np.arange(5, 10)


@dataclass
class Outcome:
    """A round that was trained and scored: the pool as the strategy sees it, and which unlabeled images are absent."""

    pool: PoolView
    absent: NDArray[np.bool_]
    auxiliary: Auxiliary | None

    @property
    def unlabeled(self) -> NDArray[np.bool_]:
        """bool[IMAGES]."""
        return ~self.pool.labeled


@pytest.fixture(scope="module")
def image_set() -> ImageSet:
    """The packaged images."""
    return load_image_set("fashion_mini")


def train(image_set: ImageSet, strategy: str, **options: object) -> Outcome:
    """One round of the strategy with its defaults and a recipe of 200 steps, on one thread."""
    torch.set_num_threads(1)
    truth = image_set.labels[:IMAGES]
    rng = np.random.default_rng(0)
    labeled = np.concatenate(
        [rng.choice(np.flatnonzero(truth == k), LABELS_A_CLASS, replace=False) for k in PRESENT]
    )
    unlabeled = np.setdiff1d(np.arange(IMAGES), labeled)
    trial = Trial(
        strategy=get_strategy(strategy, **options),
        objective=Supervised(),
        training=replace(Training(), epochs=1, min_steps=200),
    )
    draws = Draws(seed=0, round_index=0)
    shape = image_set.images.shape
    network = build_network(
        trial.encoder,
        trial.makeup.network,
        shape,
        image_set.classes,
        draws.torch("network"),
        variational=trial.makeup.variational,
    )
    settings = trial.strategy.auxiliary
    auxiliary = settings and settings.build(
        network,
        image_shape=shape,
        classes=image_set.classes,
        labeled=len(labeled),
        unlabeled=len(unlabeled),
        generator=draws.torch("auxiliary"),
        device=torch.device("cpu"),
    )
    data = TrainingImages(
        images=TrialImages(image_set.images, np.arange(len(image_set.images))),
        labeled=labeled,
        labels=truth[labeled].astype(np.int64),
        pool=np.arange(IMAGES),
        unlabeled=unlabeled,
    )
    beside = [] if auxiliary is None else [auxiliary]
    fit(network, data, trial, draws=draws, world=World(), device=torch.device("cpu"), auxiliaries=beside)
    parts = (
        score_batch([network], image_set.images.take(rows), auxiliary=auxiliary)
        for rows in np.split(np.arange(IMAGES), 24)
    )
    scores = Scores.joined(parts, IMAGES)
    is_labeled = np.isin(np.arange(IMAGES), labeled)
    pool = PoolView(labeled=is_labeled, labels=np.where(is_labeled, truth, -1), **vars(scores))
    return Outcome(pool, ~np.isin(truth, PRESENT), auxiliary)


@pytest.fixture(scope="module")
def vaal(image_set: ImageSet) -> Outcome:
    """VAAL's round."""
    return train(image_set, "vaal")


@pytest.fixture(scope="module")
def dal_osr(image_set: ImageSet) -> Outcome:
    """DAL-OSR's round."""
    return train(image_set, "dal_osr", policy="most_outlying")


def held_out(image_set: ImageSet, rows: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of the canvas at `rows`, and the squared error of the mean image on each, summed over pixels."""
    pixels = torch.from_numpy(image_set.images.take(rows)).permute(0, 3, 1, 2).float() / 255
    canvas = to_canvas(pixels)
    return canvas, (canvas - canvas.mean(0)).square().flatten(1).sum(1)


def test_vaal_s_discriminator_ranks_absent_classes_first(vaal: Outcome) -> None:
    """AUROC of at least 0.8 on the pool."""
    score = vaal.pool.auxiliary
    assert score is not None
    assert auroc(-score[vaal.unlabeled], vaal.absent[vaal.unlabeled]) >= 0.8


def test_vaal_s_autoencoder_reconstructs(image_set: ImageSet, vaal: Outcome) -> None:
    """Test images that nobody trained on: less than half of the mean image's squared error."""
    assert isinstance(vaal.auxiliary, VaalAuxiliary)
    pixels = torch.from_numpy(image_set.test_images[:500].copy()).permute(0, 3, 1, 2).float() / 255
    canvas = to_canvas(pixels)
    with torch.no_grad():
        vaal.auxiliary.vae.eval()
        rebuilt, *_ = vaal.auxiliary.vae(canvas, torch.zeros(len(canvas), vaal.auxiliary.settings.latent))
    error = (rebuilt - canvas).square().flatten(1).sum(1).mean()
    assert error < 0.5 * (canvas - canvas.mean(0)).square().flatten(1).sum(1).mean()


def test_waal_s_critic_ranks_absent_classes_first(image_set: ImageSet) -> None:
    """AUROC of at least 0.8 for these classes.

    Not for any five: over four choices and two seeds it is 0.61 to 0.92, see `WaalSettings`.
    """
    outcome = train(image_set, "waal")
    critic = outcome.pool.auxiliary
    assert critic is not None
    assert auroc(critic[outcome.unlabeled], outcome.absent[outcome.unlabeled]) >= 0.8


def test_dal_osr_s_law_is_better_than_chance(dal_osr: Outcome) -> None:
    """AUROC of the Weibull law above 0.55; the others' 0.8 is out of its reach here.

    Measured 0.63 for these classes (0.62 with four times the steps), 0.74 and 0.69 for two other halves: a latent
    that was trained on five classes alone holds little of the others.
    """
    ranking = get_strategy("dal_osr", policy="most_outlying").ranking(dal_osr.pool)
    assert ranking is not None
    assert auroc(ranking[dal_osr.unlabeled], dal_osr.absent[dal_osr.unlabeled]) > 0.55


def test_dal_osr_s_decoder_reconstructs(image_set: ImageSet, dal_osr: Outcome) -> None:
    """Unlabeled images of the classes that have labels: less squared error than their mean image."""
    assert isinstance(dal_osr.auxiliary, DalOsrAuxiliary)
    rows = np.flatnonzero(dal_osr.unlabeled & ~dal_osr.absent)[:500]
    canvas, of_mean = held_out(image_set, rows)
    with torch.no_grad():
        rebuilt = dal_osr.auxiliary.decoder(torch.from_numpy(dal_osr.pool.features[rows])).sigmoid()
    assert (rebuilt - canvas).square().flatten(1).sum(1).mean() < of_mean.mean()


def test_dal_acquires_absent_classes(image_set: ImageSet) -> None:
    """Clearly more than half of its picks come from the half that has no label; random picks would be half.

    Around 70 % with the defaults and with the authors' settings alike, see `DAL.max_epochs`.
    """
    outcome = train(image_set, "dal")
    picks = get_strategy("dal").select(outcome.pool, 100, np.random.default_rng(0))
    assert outcome.absent[picks].mean() > 0.6
