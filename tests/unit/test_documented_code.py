"""Python that a reader copies out of the documentation does what the text beside it says."""

import re
from pathlib import Path

import torch

import dalbt_ray
from dalbt_ray import Encoder, Trial

ROOT = Path(__file__).parents[2]


def block(page: str, words: str) -> str:
    """The one block of Python of a page that holds `words`."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    (found,) = [each for each in blocks if words in each]
    return str(found)


def test_the_encoder_of_contributing_encodes() -> None:
    """As many numbers as it declares, of gray images and of RGB ones; a trial takes it, and it has a gradient."""
    names: dict[str, type[Encoder]] = {}
    exec(block("CONTRIBUTING.md", "class OneConvolution"), names)
    encoder = names["OneConvolution"]()  # type: ignore[call-arg]
    for channels in (1, 3):
        layers = encoder.build((28, 28, channels), 0.0)
        encoded = layers(torch.randn(5, channels, 28, 28))
        assert encoded.shape == (5, layers.features)
        encoded.sum().backward()
        assert all(weight.grad is not None for weight in layers.parameters())
    assert Trial(encoder=encoder).encoder == encoder


def test_the_setting_for_photographs_is_one() -> None:
    """The block of docs/data.md makes the trial that the text before it asks for."""
    names = {name: getattr(dalbt_ray, name) for name in ("SplitSettings", "Supervised", "Training", "Trial")}
    exec(block("docs/data.md", "setting = Trial("), names)
    setting = names["setting"]
    assert (setting.dataset, setting.budget, setting.splits.initial_size) == ("pets", 20, 20)
