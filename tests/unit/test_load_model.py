"""`load_model` of an encoder that the package does not have."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from dalbt_ray.config import NetworkSettings
from dalbt_ray.errors import InputError
from dalbt_ray.models import ENCODERS
from dalbt_ray.models.classifier import Classifier, load_model
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.model_file import ModelCard, network_tensors, write_model
from dalbt_ray.models.network import Network
from dalbt_ray.models.weights import draw_weights
from dalbt_ray.options.canonical import as_json


@dataclass(frozen=True, kw_only=True)
class Mine(LeNet):
    """A user's encoder."""

    name: ClassVar[str] = "mine"


def test_an_encoder_of_the_users_own_has_to_be_named(tmp_path: Path) -> None:
    """The refusal says how; then the model gives what the network gave."""
    encoder, settings, shape = Mine(), NetworkSettings(projector=()), (28, 28, 1)
    network = Network(encoder, settings, shape, 3, variational=False).eval()
    draw_weights(network, torch.Generator().manual_seed(0))
    card = ModelCard(
        class_names=("a", "b", "c"), image_shape=shape, encoder=as_json(encoder), network=as_json(settings)
    )
    write_model(tmp_path / "model", card, network_tensors(network))
    with pytest.raises(InputError, match=r'encoder.*mine.*encoders=ENCODERS \| \{"mine": \.\.\.\}'):
        load_model(tmp_path / "model")
    loaded = load_model(tmp_path / "model", encoders=ENCODERS | {"mine": Mine})
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), np.uint8)
    assert np.array_equal(loaded.probabilities(images), Classifier(card, network).probabilities(images))
