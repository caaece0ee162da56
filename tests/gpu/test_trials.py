"""Whole trials on a GPU: every method runs, the same trial gives the same bits, and a CPU picks about the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.image_set import ArrayImages, ImageSet, load_image_set
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.resnet import ResNet18
from dalbt_ray.models.vgg import VGG16
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.objectives.vicreg import Vicreg
from dalbt_ray.strategies import STRATEGIES, get_strategy
from dalbt_ray.views.digits import DigitViews
from tests.gpu.needs_gpu import NEEDS_GPU, hashes, ran
from tests.small_trials import small_image_set, small_trial

pytestmark = NEEDS_GPU


def colored(side: int = 32) -> ImageSet:
    """The small image set in RGB, enlarged to what VGG16 reads."""
    small = small_image_set()

    def enlarged(images: np.ndarray) -> np.ndarray:
        rows = np.arange(side) * images.shape[1] // side
        return np.repeat(images[:, rows][:, :, rows], 3, axis=3)

    images = enlarged(small.images.take(np.arange(len(small.images))))
    return replace(small, images=ArrayImages(images), test_images=enlarged(small.test_images))


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_runs(name: str, tmp_path: Path) -> None:
    """All rounds, each with its query; on the GPU, as the timings say."""
    results = ran(small_trial(name), small_image_set(), tmp_path)
    assert results.rounds["n_labeled"].tolist() == [12, 18, 24]
    assert set(results.timings["device"]) == {torch.cuda.get_device_name()}


TWICE: dict[str, dict[str, Any]] = {
    "lenet": {"strategy": "dalbt", "objective": Joint()},
    "lenet, bfloat16": {"strategy": "dalbt", "objective": Joint(), "precision": "bfloat16"},
    "lenet, dropout": {"strategy": "dbal"},
    "lenet, ensemble": {"strategy": "ensemble_varr"},
    "lenet, variational": {"strategy": "dal_osr"},
    "lenet, autoencoder": {"strategy": "vaal"},
    "lenet, critic": {"strategy": "waal"},
    "lenet, other views": {"strategy": "entropy", "objective": Vicreg(), "views": DigitViews()},
    "vgg16": {"strategy": "dalbt", "objective": Joint(), "encoder": VGG16()},
    "resnet18": {"strategy": "dalbt", "objective": Joint(), "encoder": ResNet18()},
    "resnet18, bfloat16": {
        "strategy": "badge",
        "objective": Joint(),
        "encoder": ResNet18(),
        "precision": "bfloat16",
    },
}


@pytest.mark.parametrize("case", TWICE)
def test_two_runs_give_the_same_tables(case: str, tmp_path: Path) -> None:
    """Bit for bit."""
    changes = dict(TWICE[case])
    strategy, precision = changes.pop("strategy"), changes.pop("precision", "float32")
    training = Training(epochs=4, batch_size=8, precision=precision)
    trial = small_trial(strategy, training=training, **changes)
    image_set = small_image_set() if isinstance(trial.encoder, LeNet) else colored()
    for run in ("first", "second"):
        ran(trial, image_set, tmp_path / run)
    assert hashes(tmp_path / "first") == hashes(tmp_path / "second")


@pytest.mark.parametrize("objective", [Supervised(), Joint()], ids=lambda objective: objective.name)
def test_a_cpu_picks_nearly_the_same(objective: Any, tmp_path: Path) -> None:
    """Images, batches and views are the same, so only rounding tells the two apart: 100 of 8,900 images are picked."""
    trial = Trial(
        dataset="fashion_mini",
        objective=objective,
        strategy=get_strategy("entropy"),
        rounds=1,
        budget=100,
        splits=SplitSettings(train_limit=None, initial_size=100, validation_size=1_000),
        training=Training(epochs=1, min_steps=60),
    )
    image_set = load_image_set("fashion_mini")
    gpu, cpu = (ran(trial, image_set, tmp_path / device, device) for device in ("cuda", "cpu"))
    picked = [set(results.selections["sample_id"]) for results in (gpu, cpu)]
    assert len(picked[0] & picked[1]) >= 70  # by chance it would be one
    assert np.abs(gpu.rounds["test_accuracy"] - cpu.rounds["test_accuracy"]).max() < 0.03


def test_bfloat16_trains(tmp_path: Path) -> None:
    """To the end of the loss: every labeled image of three easy classes is told."""
    training = Training(epochs=1, min_steps=200, batch_size=8, precision="bfloat16")
    rounds = ran(
        small_trial("entropy", objective=Joint(), training=training), small_image_set(), tmp_path
    ).rounds
    assert rounds["train_accuracy"].min() > 0.95
    assert rounds["test_accuracy"].min() > 0.8
