"""Selection from 45,000 real images with 512 features and 10 classes, 2,500 picks: ours against the usual way.

The features are a LeNet's with a latent of 512, trained here on 5,000 images. Without `--data-root` the pool is
the embedded set's 10,000 images and shifted and mirrored copies of them; with it, the full Fashion-MNIST. 1,000
more images are labeled. Every side runs in a process of its own with one thread, on the same arrays:

- core_set: `CoreSet` against the incremental greedy in torch (float32, one matrix-vector product a pick).
- badge: `Badge` against k-means++ on explicit gradient embeddings in torch (float32, n x 5,120), of which
  `EXPLICIT_PICKS` are timed and scaled up, since every pick costs the same.
- methods that learn from bought OOD images: a pool of 50,000 images and 1,280 features in heaps, ten of known classes
  and six OOD, 1,000 labeled and 500 OOD images bought, 1,000 picks. The numbers are drawn, since only time and memory
  count.
- every other strategy on its own, with its default options: what looks at a sample of the pool says so in its
  docstring, with the sizes. Dropout passes are real (20, shared masks); five of them stand in for the votes of an
  ensemble, and random numbers for the score of a strategy's own networks.

Seconds are CPU seconds, memory is the peak above what was in use before the selection.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from on_selection.measuring import Numbers, radius, timed
from on_selection.pools import (
    BUDGET,
    LABELED,
    OPEN_POOL,
    OPEN_WIDTH,
    POOL,
    WIDTH,
    build_pool,
    load_pool,
    open_pool,
)
from on_selection.usual import badge_explicit, core_set_incremental

from dalbt_ray.strategies import STRATEGIES, Method, get_strategy

SECONDS = {
    "typiclust": 10,
    "prob_cover": 10,
    "max_herding": 10,
    "uncertainty_herding": 10,
    "dropquery": 10,
    "cluster_margin": 5,
    "bait": 120,
}
"""Bars of the methods that compare images with each other; 1 for all others."""
MEGABYTES = 2048
OPEN_BUDGET, OPEN_SECONDS = 1_000, 10
OPEN_SET: dict[str, Method] = {
    **{name: get_strategy(name) for name in STRATEGIES if get_strategy(name).needs.outliers},
    "dalbt_likelihood_ratio": get_strategy("dalbt", policy="likelihood_ratio"),
    "dalbt_mahalanobis": get_strategy("dalbt", policy="likelihood_ratio", distance="mahalanobis"),
}
"""Methods that learn from OOD images that were bought."""


def main() -> None:
    """Build the pool, run every side in its own process, print one line per bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--data-root", type=Path, help="folder of the full sets; the embedded images without it"
    )
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(SIDES[arguments.side](arguments)))
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments.folder = Path(folder)
        report(lambda side: run(side, arguments))


def run(side: str, arguments: argparse.Namespace) -> Numbers:
    """What one side measured, in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--folder", str(arguments.folder)]
    if arguments.data_root:
        command += ["--data-root", str(arguments.data_root)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    answer = subprocess.run(
        command, env=os.environ | one_thread, check=True, stdout=subprocess.PIPE, text=True
    )
    numbers: Numbers = json.loads(answer.stdout.splitlines()[-1])
    shown = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    print(f"  {side}: {shown}", flush=True)
    return numbers


def report(measure: Callable[[str], Numbers]) -> None:
    """Every comparison, side by side."""
    print(f"pool of {POOL:,} unlabeled and {LABELED:,} labeled images, {WIDTH} features, {BUDGET:,} picks")
    measure("pool")
    theirs, ours = measure("core_set_incremental"), measure("core_set")
    speedup, radius = theirs["seconds"] / ours["seconds"], ours["radius"] / theirs["radius"]
    bar("core_set_speedup", f"{speedup:.1f}x", ">=10x", speedup >= 10)
    bar("core_set_radius_ratio", f"{radius:.6f}", "<=1.00001", radius <= 1.00001)
    theirs, ours = measure("badge_explicit"), measure("badge")
    bar("badge_seconds", f"{ours['seconds']:.1f}", "<=6", ours["seconds"] <= 6)
    bar(
        "badge_speedup",
        f"{theirs['seconds'] / ours['seconds']:.0f}x",
        ">1x",
        theirs["seconds"] > ours["seconds"],
    )
    for name in STRATEGIES:
        if name not in ("core_set", "badge", "batch_bald", *OPEN_SET):
            numbers, limit = measure(name), SECONDS.get(name, 1)
            bar(f"{name}_seconds", f"{numbers['seconds']:.2f}", f"<{limit}", numbers["seconds"] < limit)
            if name in SECONDS:
                bar(f"{name}_MB", f"{numbers['MB']:.0f}", f"<{MEGABYTES}", numbers["MB"] < MEGABYTES)
    print(f"open set: {OPEN_POOL:,} images, {OPEN_WIDTH:,} features, {OPEN_BUDGET:,} picks")
    for name in OPEN_SET:
        numbers = measure(f"open_{name}")
        seconds, memory = numbers["seconds"], numbers["MB"]
        bar(f"open_{name}_seconds", f"{seconds:.2f}", f"<{OPEN_SECONDS}", seconds < OPEN_SECONDS)
        bar(f"open_{name}_MB", f"{memory:.0f}", f"<{MEGABYTES}", memory < MEGABYTES)
    for budget in (100, 1000):
        measure(f"batch_bald_{budget}")


def bar(name: str, measured: str, wanted: str, met: bool) -> None:
    """One line that a machine can read."""
    print(f"BAR {name} {measured} {wanted} {'met' if met else 'short'}", flush=True)


def ours(name: str, budget: int = BUDGET) -> Callable[[argparse.Namespace], Numbers]:
    """A strategy of this package with its default options."""

    def side(arguments: argparse.Namespace) -> Numbers:
        torch.set_num_threads(1)
        pool, strategy = load_pool(arguments.folder), get_strategy(name)
        picks, numbers = timed(lambda: strategy.select(pool, budget, np.random.default_rng(0)))
        return numbers | ({"radius": radius(pool, picks)} if name == "core_set" else {})

    return side


def on_open_pool(name: str) -> Callable[[argparse.Namespace], Numbers]:
    """A query of an open-set method."""

    def side(_: argparse.Namespace) -> Numbers:
        torch.set_num_threads(1)
        pool = open_pool()
        return timed(lambda: OPEN_SET[name].select(pool, OPEN_BUDGET, np.random.default_rng(0)))[1]

    return side


SIDES: dict[str, Callable[[argparse.Namespace], Numbers]] = {
    "pool": build_pool,
    "core_set_incremental": core_set_incremental,
    "badge_explicit": badge_explicit,
    "batch_bald_100": ours("batch_bald", 100),
    "batch_bald_1000": ours("batch_bald", 1000),
    **{name: ours(name) for name in STRATEGIES},
    **{f"open_{name}": on_open_pool(name) for name in OPEN_SET},
}


if __name__ == "__main__":
    main()
