"""Claim: a pool of a million images is scored in bounded memory and in time that grows linearly with it.

    python benchmarks/pool_scale.py [--sizes 50000,200000,1000000]

The embedded Fashion-MNIST images are repeated with noise into Parquet files of 50,000 images. LeNet with random
weights scores them through `score_files` (Ray Data with two actors that read, decode, score and rank by DALBT's
Weibull tails), and the best 1,000 are kept. Measured: wall seconds at each size, and the peak of the
resident memory of the driver and all of Ray's Python processes together. Pages that processes share, the code of
torch above all, are counted once (PSS); the plain sum of RSS, which counts them once per process, stands next to it.
"""

import argparse
import contextlib
import tempfile
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
import torch
from PIL import Image

from dalbt_ray.cluster.connection import connected
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.pool_scoring import score_files
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.split_file import SetMetadata
from dalbt_ray.data.split_writing import write_split
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.class_tails import ClassTails
from dalbt_ray.trial.ranking import TailRanking
from dalbt_ray.trial.scoring import score_batch

PER_FILE = 50_000
KEEP = 1_000
MEMORY_BAR = 2 * 2**30
# Time per image at the largest pool over that at the smallest: linear is 1, and fixed costs make it smaller.
LINEAR_BAR = 1.2


def main() -> None:
    """Make the pool, score ever larger parts of it, print one line per size and one per bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="50000,200000,1000000")
    sizes = [int(size) for size in parser.parse_args().sizes.split(",")]
    image_set = load_image_set("fashion_mini")
    images = image_set.images.take(np.arange(2_000))
    network = build_network(
        LeNet(),
        NetworkSettings(),
        image_set.images.shape,
        image_set.classes,
        torch.Generator().manual_seed(0),
    )
    rank = TailRanking(_tails(network.eval(), images[:500]))
    with tempfile.TemporaryDirectory() as folder:
        began = perf_counter()
        files = [_noisy_file(Path(folder), index, images) for index in range(-(-max(sizes) // PER_FILE))]
        stored = sum(file.stat().st_size for file in files) / 2**20
        made = perf_counter() - began
        print(f"pool     {len(files) * PER_FILE:,} images, {stored:,.0f} MiB of PNG, made in {made:.0f} s")
        seconds, peaks = [], []
        for size in sizes:
            # A Ray for each size: the processes of the size before it need a while to end.
            with connected(ClusterOptions(own_cpus=2, object_store_bytes=256 * 2**20)), _PeakMemory() as peak:
                seconds.append(_timed(files[: size // PER_FILE], network, rank))
            peaks.append(peak.pss)
            memory = f"peak {peak.pss / 2**20:,.0f} MiB (sum of RSS {peak.rss / 2**20:,.0f} MiB)"
            print(f"scored   {size:>9,} images in {seconds[-1]:6.1f} s, {memory}")
    ratio = (seconds[-1] / sizes[-1]) / (seconds[0] / sizes[0])
    print(f"BAR pool_scale_linear {ratio:.2f} {LINEAR_BAR} {'met' if ratio <= LINEAR_BAR else 'short'}")
    met = "met" if max(peaks) < MEMORY_BAR else "short"
    print(f"BAR pool_scale_memory_mib {max(peaks) / 2**20:.0f} {MEMORY_BAR / 2**20:.0f} {met}")


def _timed(files: list[Path], network: torch.nn.Module, rank: TailRanking) -> float:
    began = perf_counter()
    best = score_files(files, [network], rank, shape=(28, 28, 1), keep=KEEP)
    assert len(best.ranking) == KEEP
    return perf_counter() - began


def _tails(network: torch.nn.Module, images: np.ndarray) -> ClassTails:
    scores = score_batch([network], images)
    # The labels are the network's own: one that was never trained is right too rarely for a law of every class.
    labels = scores.probabilities.argmax(axis=1)
    pool = PoolView(labeled=np.ones(len(images), dtype=bool), labels=labels, **vars(scores))
    tails = ClassTails.of(pool, "euclidean")
    assert tails is not None
    return tails


def _noisy_file(folder: Path, index: int, images: np.ndarray) -> Path:
    path = folder / f"part_{index:03d}" / "train.parquet"
    rng = np.random.default_rng(index)

    def encoded() -> Iterator[bytes]:
        for first in range(0, PER_FILE, len(images)):
            noise = rng.integers(-8, 9, images.shape, dtype=np.int16)
            noisy = np.clip(images.astype(np.int16) + noise, 0, 255).astype(np.uint8)
            for image in noisy[: PER_FILE - first]:
                file = BytesIO()
                Image.fromarray(image[:, :, 0]).save(file, "PNG", compress_level=1)
                yield file.getvalue()

    write_split(path, np.arange(PER_FILE), encoded(), np.full(PER_FILE, -1), SetMetadata())
    return path


class _PeakMemory:
    """Peak memory, in bytes, of this process and all of Ray's Python processes below it, sampled twice a second."""

    def __init__(self) -> None:
        self.pss = self.rss = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> "_PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.5):
            pss = rss = 0
            for process in [me, *me.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    if process == me or process.name().startswith("ray::"):
                        memory = process.memory_full_info()
                        pss, rss = pss + memory.pss, rss + memory.rss
            self.pss, self.rss = max(self.pss, pss), max(self.rss, rss)


if __name__ == "__main__":
    main()
