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
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.models.dropout import draw_dropout_masks, set_dropout_generator
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import NetworkSettings, build_network
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies import STRATEGIES, Method, get_strategy
from dalbt_ray.strategies.geometry import row_blocks, squared_distances
from dalbt_ray.trial.scoring import Scores, score_batch

POOL, LABELED, TRAINED_ON, BUDGET = 45_000, 1_000, 5_000, 2_500
WIDTH, PASSES, STEPS = 512, 20, 600
EXPLICIT_PICKS = 500
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
OPEN_POOL, OPEN_WIDTH, OPEN_BUDGET, OPEN_SECONDS = 50_000, 1_280, 1_000, 10
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


Numbers = dict[str, float]


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


def build_pool(arguments: argparse.Namespace) -> Numbers:
    """Train the network, score all images and write the arrays of the pool to the folder."""
    torch.set_num_threads(1)
    image_set = load_image_set(
        "fashion_mnist" if arguments.data_root else "fashion_mini", data_root=arguments.data_root
    )
    images, labels = enough_images(image_set.images.take(np.arange(len(image_set.labels))), image_set.labels)
    generator = torch.Generator().manual_seed(0)
    network = build_network(
        LeNet(latent_dim=WIDTH), NetworkSettings(dropout=0.25), image_set.images.shape, 10, generator
    )
    set_dropout_generator(network, generator)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    pixels = torch.tensor(images[:TRAINED_ON]).permute(0, 3, 1, 2).float() / 255
    targets = torch.tensor(labels[:TRAINED_ON]).long()
    for _ in range(STEPS):
        batch = torch.randint(TRAINED_ON, (64,), generator=generator)
        loss = torch.nn.functional.cross_entropy(network(pixels[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    masks = draw_dropout_masks(network, PASSES, generator)
    parts = [score_batch([network], images[rows], masks=masks) for rows in row_blocks(len(images))]
    scores = Scores.joined(parts)
    for name, values in vars(scores).items():
        if values is not None:
            np.save(arguments.folder / f"{name}.npy", values)
    np.save(arguments.folder / "labels.npy", labels)
    right = scores.probabilities.argmax(axis=1) == labels
    return {"accuracy on the pool": float(right[TRAINED_ON:].mean())}


def enough_images(
    images: NDArray[np.uint8], labels: NDArray[np.integer]
) -> tuple[NDArray[np.uint8], NDArray[np.integer]]:
    """The images and, until there are enough, shifted (up to 3 pixels) and mirrored copies, shuffled."""
    rng = np.random.default_rng(0)
    sources = np.arange(POOL + LABELED) % len(images)
    result = images[sources]
    for row in range(len(images), len(result)):
        shifted = np.roll(result[row], tuple(rng.integers(-3, 4, size=2)), axis=(0, 1))
        result[row] = shifted[:, ::-1] if rng.random() < 0.5 else shifted
    order = rng.permutation(len(result))
    return result[order], labels[sources][order]


def load_pool(folder: Path) -> PoolView:
    """The pool as strategies see it; the first rows are labeled."""
    arrays = {path.stem: np.load(path) for path in folder.glob("*.npy")}
    labels = arrays.pop("labels")
    labeled = np.arange(len(labels)) < LABELED
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, labels, -1),
        member_probabilities=arrays["mc_probabilities"][:, :5].copy(),
        auxiliary=np.random.default_rng(0).random(len(labels)),
        validation_features=arrays["features"][LABELED:TRAINED_ON],
        validation_probabilities=arrays["probabilities"][LABELED:TRAINED_ON],
        validation_labels=labels[LABELED:TRAINED_ON],
        **arrays,
    )


def timed(work: Callable[[], NDArray[np.int64]]) -> tuple[NDArray[np.int64], Numbers]:
    """The picks of `work`, its CPU and wall seconds, and how far it raised the process's peak memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    picks = work()
    numbers = {"seconds": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return picks, numbers | {"MB": (after - before) / 1024}  # kilobytes on Linux


def ours(name: str, budget: int = BUDGET) -> Callable[[argparse.Namespace], Numbers]:
    """A strategy of this package with its default options."""

    def side(arguments: argparse.Namespace) -> Numbers:
        torch.set_num_threads(1)
        pool, strategy = load_pool(arguments.folder), get_strategy(name)
        picks, numbers = timed(lambda: strategy.select(pool, budget, np.random.default_rng(0)))
        return numbers | ({"radius": radius(pool, picks)} if name == "core_set" else {})

    return side


def open_pool() -> PoolView:
    """The pool of the open-set methods, drawn from one seed."""
    rng = np.random.default_rng(0)
    heap = rng.integers(16, size=OPEN_POOL)
    features = rng.standard_normal((OPEN_POOL, OPEN_WIDTH), dtype=np.float32)
    centers = 0.3 * rng.standard_normal((16, OPEN_WIDTH), dtype=np.float32)
    for rows in row_blocks(OPEN_POOL):  # a copy would hide what a selection takes
        features[rows] += centers[heap[rows]]
    order = rng.permutation(OPEN_POOL)
    labeled, outliers = np.zeros((2, OPEN_POOL), bool)
    labeled[order[heap[order] < 10][:1_000]] = True
    outliers[order[heap[order] >= 10][:500]] = True
    logits = rng.normal(size=(OPEN_POOL, 10)) + 3.0 * (heap[:, None] == np.arange(10))
    weights = np.exp(logits)
    return PoolView(
        labeled=labeled,
        labels=np.where(labeled, heap, -1),
        probabilities=weights / weights.sum(axis=1, keepdims=True),
        features=features,
        removed=outliers,
        outliers=outliers,
        outlier_probability=rng.random(OPEN_POOL),
        bought=np.where(labeled | outliers, 0, -1),
    )


def on_open_pool(name: str) -> Callable[[argparse.Namespace], Numbers]:
    """A query of an open-set method."""

    def side(_: argparse.Namespace) -> Numbers:
        torch.set_num_threads(1)
        pool = open_pool()
        return timed(lambda: OPEN_SET[name].select(pool, OPEN_BUDGET, np.random.default_rng(0)))[1]

    return side


def core_set_incremental(arguments: argparse.Namespace) -> Numbers:
    """The usual greedy: keep every point's distance to its nearest center, update all of them at each pick."""
    torch.set_num_threads(1)
    pool = load_pool(arguments.folder)

    def select() -> NDArray[np.int64]:
        features = torch.from_numpy(pool.features)
        points = features[~torch.from_numpy(pool.labeled)]
        lengths = (points**2).sum(dim=1)
        centers = features[torch.from_numpy(pool.labeled)]
        nearest = torch.cat(
            [torch.cdist(part, centers).min(dim=1).values ** 2 for part in points.split(4096)]
        )
        picks = []
        for _ in range(BUDGET):
            pick = int(nearest.argmax())
            picks.append(pick)
            nearest = torch.minimum(nearest, lengths + lengths[pick] - 2 * (points @ points[pick]))
        return pool.unlabeled_rows[picks]

    picks, numbers = timed(select)
    return numbers | {"radius": radius(pool, picks)}


def radius(pool: PoolView, picks: NDArray[np.int64]) -> float:
    """Largest distance of an image to its nearest labeled or acquired one, in float64."""
    features = pool.features.astype(np.float64)
    centers = features[np.concatenate([np.flatnonzero(pool.labeled), picks])]
    blocks = row_blocks(len(features), len(centers))
    return float(
        np.sqrt(max(squared_distances(features[rows], centers).min(axis=1).max() for rows in blocks))
    )


def badge_explicit(arguments: argparse.Namespace) -> Numbers:
    """The usual k-means++: every gradient embedding written out, all distances updated at each pick."""
    torch.set_num_threads(1)
    pool = load_pool(arguments.folder)

    loop_start: list[float] = []

    def select() -> NDArray[np.int64]:
        rows = pool.unlabeled_rows
        errors = torch.from_numpy(pool.probabilities[rows]).float()
        errors[torch.arange(len(rows)), errors.argmax(dim=1)] -= 1
        features = torch.from_numpy(pool.features[rows])
        gradients = (errors[:, :, None] * features[:, None, :]).flatten(1)
        lengths = (gradients**2).sum(dim=1)
        generator = torch.Generator().manual_seed(0)
        picks = [int(lengths.argmax())]
        nearest = torch.full_like(lengths, torch.inf)
        loop_start.append(time.process_time())
        while len(picks) < EXPLICIT_PICKS:
            distances = lengths + lengths[picks[-1]] - 2 * (gradients @ gradients[picks[-1]])
            nearest = torch.minimum(nearest, distances.clamp_min(0))
            nearest[picks] = 0
            picks.append(int(torch.multinomial(nearest, 1, generator=generator)))
        return rows[picks]

    _, numbers = timed(select)
    untimed = (time.process_time() - loop_start[0]) * (BUDGET / EXPLICIT_PICKS - 1)
    return {**numbers, "seconds": numbers["seconds"] + untimed, "timed picks": EXPLICIT_PICKS}


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
