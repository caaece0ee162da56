"""Scoring over the cluster gives what a trial computes in its own process."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.sources import find_set
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.trial.scoring import Scores, score_batch, score_images
from dalbt_ray.trial.trial_images import TrialImages
from dalbt_ray.workers.world import World
from tests.integration.sweeps import STARTS_RAY

pytestmark = STARTS_RAY


def test_the_best_of_two_files_are_those_of_one_pass_in_memory(tmp_path: Path) -> None:
    """Same ids in the same order with the same rankings to the bit; the second file repeats the first one."""
    from dalbt_ray.cluster.connection import connected
    from dalbt_ray.cluster.pool_scoring import score_files

    torch.set_num_threads(1)
    original = find_set("fashion_mini", None).ood_split
    copy = tmp_path / "ünder a folder" / "train.parquet"
    copy.parent.mkdir()
    shutil.copy(original, copy)
    image_set = load_image_set("fashion_mini")
    shape = image_set.images.shape
    network = build_network(
        LeNet(), NetworkSettings(), shape, image_set.classes, torch.Generator().manual_seed(0)
    ).eval()
    images = TrialImages(image_set.images, np.arange(len(image_set.images)))

    def rank(scores: Scores) -> NDArray[np.float64]:
        return 1.0 - scores.probabilities.max(axis=1).astype(np.float64)

    scores = score_images(images, np.ones(len(images), dtype=bool), partial(score_batch, [network]), World())
    ranking = rank(scores)

    with connected(ClusterOptions(own_cpus=2)):
        best = score_files([original, copy], [network], rank, shape=shape, keep=100)

    order = np.lexsort((image_set.sample_ids, -ranking))[:50]
    wanted = [(file, image_set.sample_ids[row], ranking[row]) for row in order for file in (0, 1)]
    wanted.sort(key=lambda image: (-image[2], image[0], image[1]))
    assert list(zip(best.file, best.sample_id, best.ranking, strict=True)) == wanted
