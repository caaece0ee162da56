"""Frozen encoders on Ray: the features and the tables are, bit for bit, those of one process."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.config import Trial
from dalbt_ray.data.decoding import encode_png
from dalbt_ray.data.split_file import SetMetadata
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.launch.grid import with_seeds
from dalbt_ray.launch.in_process import run_in_process
from dalbt_ray.launch.progress import Progress
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.results import ResultsStore
from dalbt_ray.strategies import get_strategy
from tests.integration.sweeps import STARTS_RAY, hashes

pytestmark = STARTS_RAY

TRAIN = 1_100
"""More than one block."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with small noisy images of three classes."""
    rng = np.random.default_rng(0)
    for split, count in (("train", TRAIN), ("test", 60)):
        labels = np.arange(count) % 3
        images = rng.integers(0, 120, (count, 8, 8, 1), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 3] += 120
        metadata = SetMetadata(class_names=("a", "b", "c"))
        path = tmp_path / "data" / "own" / f"{split}.parquet"
        write_split(path, np.arange(count), map(encode_png, images), labels, metadata)
    return tmp_path / "data"


def trials(head: str) -> list[Trial]:
    """Eight short ones, which share workers on Ray; half of them learn from OOD images of the third class."""
    setting = Trial(
        dataset="own",
        objective=Supervised(),
        encoder=Frozen(side=32, head=head, width=16),  # type: ignore[arg-type]
        budget=5,
        rounds=2,
        splits=SplitSettings(train_limit=None, initial_size=0, validation_size=50),
    )
    open_set = replace(
        setting,
        ood_policy="learn",
        splits=replace(setting.splits, initial_size=6, known_classes=2, ood_share=0.5),
    )
    named = [
        replace(pool, strategy=get_strategy(name))
        for pool, name in (
            (setting, "margin"), (setting, "max_herding"), (open_set, "k_plus_one"), (open_set, "eaoa"),
        )
    ]  # fmt: skip
    return with_seeds(named, range(2))


@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_ray_and_this_process_give_the_same_bits(tmp_path: Path, root: Path, head: str) -> None:
    """Each side embeds for itself: the blocks of the first are torn in between."""
    from dalbt_ray.cluster.run import run_sweep

    kept = root / ".features"
    found = {}
    for side in ("ray", "here"):
        results = tmp_path / side
        ResultsStore(results).create_or_open({"sweep": "test"})
        with Progress(8) as progress:
            if side == "ray":
                outcome = run_sweep(trials(head), str(results), root, ClusterOptions(own_cpus=2), progress)
            else:
                outcome = run_in_process(trials(head), str(results), root, progress)
        assert (outcome.done, outcome.failed) == (8, 0)
        blocks = {file.relative_to(kept): file.read_bytes() for file in sorted(kept.rglob("*.parquet"))}
        assert len(blocks) == 3
        found[side] = blocks, hashes(results)
        for file in kept.rglob("*.parquet"):
            file.write_bytes(file.read_bytes()[:-100])
    assert found["ray"] == found["here"]
