"""Our Adam against torch's own, bit for bit."""

import subprocess
import sys

import pytest
import torch

from dalbt_ray.models.adam import Adam
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_same_bits_as_torch_s_fused_adam(weight_decay: float) -> None:
    """Thirty steps of a LeNet, whose projector has a gradient only in every third."""

    def trained(ours: bool) -> list[torch.Tensor]:
        network = build_network(LeNet(), NetworkSettings(), (28, 28, 1), 10, torch.Generator().manual_seed(0))
        parameters = list(network.parameters())
        optimizer = (
            Adam(parameters, learning_rate=1e-3, weight_decay=weight_decay)
            if ours
            else torch.optim.Adam(parameters, lr=1e-3, weight_decay=weight_decay, fused=True)
        )
        generator = torch.Generator().manual_seed(1)
        for step in range(30):
            z = network.encode(torch.rand(8, 1, 28, 28, generator=generator))
            loss = network.classify(z).square().mean()
            if step % 3 == 0:
                loss = loss + network.project(z).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return parameters

    for mine, theirs in zip(trained(True), trained(False), strict=True):
        assert torch.equal(mine, theirs)


def test_training_does_not_import_torch_s_compiler() -> None:
    """The reason for having it: a trial in a fresh process, without `torch._dynamo`."""
    script = """
import sys, tempfile
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.rounds import run_trial
from tests.small_trials import small_image_set, small_trial
store = ResultsStore(tempfile.mkdtemp())
store.create_or_open({})
run_trial(small_trial("margin", objective=Joint()), small_image_set(), store)
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
