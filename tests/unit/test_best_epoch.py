"""Early stopping: the weights of the best epoch come back, and patience ends where it is said to."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from dalbt_ray.config import Training
from dalbt_ray.errors import InputError
from dalbt_ray.models.network import Network, build_network
from dalbt_ray.trial.best_epoch import BestEpoch
from dalbt_ray.trial.minibatches import Draws, TrainingImages
from dalbt_ray.trial.training import fit
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.views.augmentation import Augmentation
from dalbt_ray.views.pair_of_views import Share
from dalbt_ray.workers.world import World
from tests.small_trials import small_image_set, small_trial


def network() -> Network:
    """A small one."""
    trial = small_trial()
    return build_network(trial.encoder, trial.network, (12, 12, 1), 3, torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("patience", "ends"), [(0, None), (1, 3), (2, 6), (3, 7)])
def test_patience_counts_epochs_that_were_no_better(patience: int, ends: int | None) -> None:
    """Accuracies .1 .5 .5 .6 .6 .6 .6: equal is no better; the first best weights come back."""
    accuracies: Iterator[float] = iter([0.1, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6])
    watched, ended = network(), None
    best = BestEpoch(watched, lambda: next(accuracies), patience)
    for epoch in range(1, 8):
        with torch.no_grad():
            watched.classifier.bias.fill_(epoch)
        if best.epoch_ended():
            ended = epoch
            break
    best.restore()
    assert ended == ends
    assert float(watched.classifier.bias[0].detach()) == {1: 2, 2: 4, 3: 4, 0: 4}[patience]


@dataclass(frozen=True, kw_only=True)
class Recorded(Augmentation):
    """Changes nothing, and keeps a digest of every image that was trained on."""

    name: ClassVar[str] = "recorded"
    seen: ClassVar[list[list[float]]] = []

    def make(self, images: Tensor, generator: torch.Generator, share: Share) -> Tensor:
        """The images."""
        self.seen.append([round(float(total), 3) for total in images.sum(dim=(1, 2, 3))])
        return images


def test_an_epoch_of_images_draws_every_label_equally_often() -> None:
    """Five labels, epochs of 20 images in batches of 8 at most: each four times in three steps; patience ends it."""
    image_set, asked = small_image_set(), list[int]()
    recipe = Training(epochs=9, batch_size=8, epoch_images=20, model_selection="best_validation", patience=2)
    labeled = np.arange(5)
    data = TrainingImages(
        images=TrialImages(image_set.images, np.arange(100)),
        labeled=labeled,
        labels=image_set.labels[labeled].astype(np.int64),
        pool=np.arange(100),
        unlabeled=np.arange(5, 100),
    )
    Recorded.seen.clear()
    report = fit(
        network(),
        data,
        small_trial(training=recipe, augmentation=Recorded()),
        draws=Draws(seed=0, round_index=0),
        world=World(),
        device=torch.device("cpu"),
        validation_accuracy=lambda: float(not asked.append(0)),
    )
    assert len(asked) == 3  # the first is the best; two are no better
    assert report.steps == 9
    assert [len(batch) for batch in Recorded.seen] == [7, 7, 6] * 3
    for epoch in range(3):
        trained = Counter(image for batch in Recorded.seen[3 * epoch : 3 * epoch + 3] for image in batch)
        assert sorted(trained.values()) == [4] * 5


def test_patience_without_validation_is_refused() -> None:
    """It would never end anything."""
    with pytest.raises(InputError, match=r"^training.patience: 3 means nothing with model_selection=last"):
        Training(patience=3)
