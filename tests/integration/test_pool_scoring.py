"""Scoring over the cluster gives what a trial computes in its own process."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch

from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.data.corpus import load_corpus
from dalbt_ray.data.sources import find_set
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.ranking import ImageRanking
from dalbt_ray.scoring import score_batch, score_images
from dalbt_ray.strategies.entropy import Entropy
from dalbt_ray.world import World
from tests.integration.sweeps import STARTS_RAY

pytestmark = STARTS_RAY


def test_the_best_of_two_files_are_those_of_one_pass_in_memory(tmp_path: Path) -> None:
    """Same ids in the same order with the same rankings to the bit; the second file repeats the first one."""
    from dalbt_ray.cluster.connection import connected
    from dalbt_ray.cluster.score import score_files

    torch.set_num_threads(1)
    original = find_set("fashion_mini", None).foreign_split
    copy = tmp_path / "ünder a folder" / "train.parquet"
    copy.parent.mkdir()
    shutil.copy(original, copy)
    corpus = load_corpus("fashion_mini")
    shape = corpus.images.shape
    network = build_network(NetworkSettings(), shape, corpus.classes, torch.Generator().manual_seed(0)).eval()
    everything = np.ones(len(corpus.images), dtype=bool)
    rank = ImageRanking(Entropy())
    ranking = rank(score_images(corpus.images, everything, partial(score_batch, [network]), World()))

    with connected(ClusterOptions(own_cpus=2)):
        best = score_files([original, copy], [network], rank, shape=shape, keep=100)

    order = np.lexsort((corpus.sample_ids, -ranking))[:50]
    wanted = [(file, corpus.sample_ids[row], ranking[row]) for row in order for file in (0, 1)]
    wanted.sort(key=lambda image: (-image[2], image[0], image[1]))
    assert list(zip(best.file, best.sample_id, best.ranking, strict=True)) == wanted
