"""Several workers under NCCL, and a part of a GPU under Ray."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing

from dalbt_ray.config import Training
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.workers.global_batch import _SumOverWorkers
from dalbt_ray.workers.world import World
from tests.gpu.needs_gpu import NEEDS_GPU, ran
from tests.small_trials import small_image_set, small_trial

pytestmark = NEEDS_GPU


def _joined(rank: int, size: int, meeting: str) -> None:
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", init_method=f"file://{meeting}", rank=rank, world_size=size)


def _sum_alone(rank: int, size: int, meeting: str, told: str) -> None:
    _joined(rank, size, meeting)
    x = torch.arange(6.0, device="cuda").requires_grad_()
    summed = _SumOverWorkers.apply(x)
    summed.square().sum().backward()
    box: list[Any] = [None]
    dist.all_gather_object(box, {"rank": rank})
    dist.destroy_process_group()
    assert x.grad is not None
    Path(told).write_text(json.dumps({"sum": summed.tolist(), "gradient": x.grad.tolist(), "box": box}))


def _trial_of_two(rank: int, size: int, meeting: str, folder: str) -> None:
    _joined(rank, size, meeting)
    training = Training(epochs=4, batch_size=8)
    trial = small_trial("entropy", objective=Joint(), training=training)
    ran(trial, small_image_set(), Path(folder), f"cuda:{rank}", world=World(rank=rank, size=size))
    dist.destroy_process_group()


def test_nccl_with_one_process(tmp_path: Path) -> None:
    """A sum with its gradient, and an agreement on objects: what trials of several workers use."""
    told = tmp_path / "told.json"
    multiprocessing.spawn(_sum_alone, (1, str(tmp_path / "meeting"), str(told)), nprocs=1)
    numbers = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    doubled = [2 * each for each in numbers]
    assert json.loads(told.read_text()) == {"sum": numbers, "gradient": doubled, "box": [{"rank": 0}]}


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one GPU, and this needs two")
def test_two_devices_train_what_one_trains(tmp_path: Path) -> None:
    """Losses up to rounding, and the same number of labels."""
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    multiprocessing.spawn(_trial_of_two, (2, str(tmp_path / "meeting"), str(together)), nprocs=2)
    training = Training(epochs=4, batch_size=8)
    one = ran(small_trial("entropy", objective=Joint(), training=training), small_image_set(), alone).rounds
    from dalbt_ray.results import load_results

    two = load_results(together).rounds
    assert two["n_labeled"].tolist() == one["n_labeled"].tolist()
    assert two["train_loss"][0] == pytest.approx(one["train_loss"][0], rel=1e-2)


@pytest.mark.ray
def test_trials_share_a_gpu_under_ray(tmp_path: Path) -> None:
    """Four trials of a quarter of the GPU each: they compute on it, and their tables are those of one process."""
    pytest.importorskip("ray", reason="Ray is not installed")
    from dalbt_ray.cluster.options import ClusterOptions
    from dalbt_ray.launch.in_process import run_in_process
    from dalbt_ray.launch.progress import Progress
    from dalbt_ray.results import ResultsStore, load_results
    from tests.integration.sweeps import hashes, run_on_ray, small_trials

    trials = small_trials()
    outcome = run_on_ray(trials, tmp_path / "ray", ClusterOptions(own_cpus=4, own_gpus=1))
    assert (outcome.done, outcome.failed) == (4, 0)
    assert set(load_results(tmp_path / "ray").timings["device"]) == {torch.cuda.get_device_name()}
    ResultsStore(tmp_path / "here").create_or_open({"sweep": "test"})
    with Progress(4) as progress:
        run_in_process(trials, str(tmp_path / "here"), None, progress)
    assert hashes(tmp_path / "ray") == hashes(tmp_path / "here")
