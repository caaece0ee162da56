"""Our Adam against torch's own, bit for bit."""

import subprocess
import sys

import pytest
import torch

from dalbt_ray.models.adam import Adam, _laid_out_as
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.models.one_cycle import one_cycle


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


@pytest.mark.parametrize("total", [1, 2, 3, 10, 57])
def test_one_cycle_is_torch_s(total: int) -> None:
    """Learning rate and beta 1 of every step, and what Adam makes of them."""
    mine, theirs = torch.ones(5), torch.ones(5)
    ours = Adam([mine], learning_rate=1e-3)
    optimizer = torch.optim.Adam([theirs], lr=1e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=total)
    for step in range(total):
        ours.learning_rate, ours.beta_1 = one_cycle(step, total, 3e-3)
        group = optimizer.param_groups[0]
        assert (ours.learning_rate, ours.beta_1) == pytest.approx((group["lr"], group["betas"][0]), rel=1e-12)
        mine.grad = theirs.grad = torch.linspace(-1, 1, 5) * (step + 1)
        ours.step()
        optimizer.step()
        if step + 1 < total:
            schedule.step()
    torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=0)


def test_training_does_not_import_torch_s_compiler() -> None:
    """The reason for having it: a trial in a fresh process, without `torch._dynamo`."""
    script = """
import sys, tempfile
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.objectives.joint import Joint
from tests.small_trials import small_image_set, small_trial
store = ResultsStore(tempfile.mkdtemp())
store.create_or_open({})
run_trial(small_trial("margin", objective=Joint()), small_image_set(), store)
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_gradients_are_given_the_strides_that_the_kernel_for_gpus_asks_for() -> None:
    """A convolution of one pixel may get its gradient in another layout, which differs in strides only."""
    parameter = torch.rand(4, 3, 1, 1).to(memory_format=torch.channels_last)
    gradient = torch.rand(4, 3, 1, 1)
    assert gradient.stride() != parameter.stride()
    laid_out = _laid_out_as(parameter, gradient)
    assert laid_out.stride() == parameter.stride()
    assert torch.equal(laid_out, gradient)
