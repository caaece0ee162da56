"""Shares of GPUs, on GPUs that Ray is told of and torch does not see: scheduled as real ones, computed on the CPU."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import ray

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.launch.progress import Progress
from tests.integration.sweeps import STARTS_RAY, run_on_ray, small_trials

pytestmark = STARTS_RAY


@dataclass
class Seen:
    """What the driver saw whenever it was told of a trial: GPUs that were free, trials that ran, words."""

    free: list[float] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Filled by every sweep of the test."""
    record = Seen()

    def look(progress: Progress) -> None:
        record.free.append(ray.available_resources().get("GPU", 0.0))  # what is used up is not listed
        record.running.append(len(progress._tally.running))

    for name in ("started", "round"):
        told = getattr(Progress, name)

        def tell(progress: Progress, *args: Any, told: Any = told) -> None:
            told(progress, *args)
            look(progress)

        monkeypatch.setattr(Progress, name, tell)
    monkeypatch.setattr(Progress, "say", lambda _progress, text, **_: record.said.append(text))
    return record


def test_lenet_trials_share_a_gpu_by_four(tmp_path: Path, seen: Seen) -> None:
    """Eight trials on two GPUs and two CPUs, by the default for LeNet: all at once; the CPUs are split among them."""
    outcome = run_on_ray(small_trials(seeds=4), tmp_path, ClusterOptions(own_cpus=2, own_gpus=2))
    assert (outcome.done, outcome.failed) == (8, 0)
    assert "up to 8 at once, each on 0.25 CPU and 0.25 GPU" in seen.said[0]
    assert min(seen.free) == 0
    assert max(seen.running) > 2


def test_a_whole_gpu_is_shared_with_nobody(tmp_path: Path, seen: Seen) -> None:
    """As VGG16 takes by default: four trials, two at a time. A GPU that torch cannot use is pointed out, once."""
    options = ClusterOptions(own_cpus=4, own_gpus=2, gpus_per_trial=1)
    outcome = run_on_ray(small_trials(rounds=0), tmp_path, options)
    assert (outcome.done, outcome.failed) == (4, 0)
    assert min(seen.free) == 0
    assert max(seen.running) == 2
    assert sum("torch sees no GPU" in text for text in seen.said) == 1
