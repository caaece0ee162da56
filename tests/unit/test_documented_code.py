"""Python that a reader copies out of the documentation does what the text beside it says."""

import re
import sys
from pathlib import Path
from runpy import run_path

import pytest
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


def test_the_sweep_file_of_the_readme_ends_with_its_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan is 0; what is refused is 2, so that a script that calls it can tell."""
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "mine.py"
    mine.write_text(block("README.md", "class Doubt"))
    for arguments, status in ((["--plan"], 0), (["--set", "budget=0"], 2)):
        monkeypatch.setattr(sys, "argv", [str(mine), *arguments])
        with pytest.raises(SystemExit) as ended:
            run_path(str(mine), run_name="__main__")
        assert ended.value.code == status
    assert "budget: 0 must be at least 1" in capsys.readouterr().err
