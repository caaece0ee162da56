"""How much do the picks of BatchBALD tell of the network, beside BALD's, PowerBALD's and random ones, and in what time?

A LeNet with dropout 0.5 learns 100 MNIST labels for 1,000 steps; 10,000 other images are scored under 200 masks, by
which every method chooses, and under 800 others, by which the picks are judged. Without `--data-root` the embedded
Fashion-MNIST images stand in. PowerBALD (Kirsch et al. 2023) draws without replacement, proportional to the score.

- information: 1/2 log det(I + covariance of the picks' passes) under the held-out masks, each image scaled to its own
  BALD score (`dalbt_ray.strategies.gaussian_information`, which says how far to trust it), in nats.
- share: the same over the sum of the picks' BALD scores; what is lost to repetition is the rest.
- limit: log of the number of held-out masks; by their own joint law no query could have more, so that every method
  would have the same figure from some twenty picks on, and none could be told from another.
- agreement: of the first 10 picks by two disjoint sets of masks, mean over the pairs of five sets.

Seconds are CPU seconds on one thread, those of the bar at 100 picks of 45,000 images: four and a half of the sets of
masks, set below set, as a pool of real passes.
"""

import argparse
import math
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.models.dropout import draw_dropout_masks, dropout_pass, set_dropout_generator
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.models.network import Network, NetworkSettings, build_network
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.batch_bald import BatchBALD
from dalbt_ray.strategies.gaussian_information import factors
from dalbt_ray.strategies.information import mutual_information

LABELS, STEPS, POOL, LARGE_POOL = 100, 1_000, 10_000, 45_000
SAMPLES, SETS, BUDGETS = 200, 5, (100, 1_000, 2_500)

Passes = NDArray[np.float32]
Picks = NDArray[np.int64]


def main() -> None:
    """Train, score, choose, judge, and print one line per bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--data-root", type=Path, help="folder of the full sets; the embedded images without it"
    )
    parser.add_argument("--seed", type=int, default=0, help="of labels, weights, masks and picks")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, stem, labels = train(arguments.data_root, arguments.seed)
    passes = under_masks(network, stem, SAMPLES * SETS, arguments.seed)
    right = passes.mean(axis=1).argmax(axis=1) == labels
    print(f"{len(labels):,} images under {SAMPLES * SETS:,} masks, accuracy {right.mean():.3f}", flush=True)
    chosen_by, held_out = passes[:, :SAMPLES], passes[:, SAMPLES:]
    held_out_bald = mutual_information(held_out)
    print(f"limit by the held-out masks' own law: {math.log(held_out.shape[1]):.2f} nats")
    for budget in BUDGETS:
        told = {}
        for name, method in METHODS.items():
            start = time.process_time()
            picks = method(chosen_by, budget, np.random.default_rng(arguments.seed))
            seconds = time.process_time() - start
            told[name] = information(held_out[picks], held_out_bald[picks])
            share = told[name] / held_out_bald[picks].sum()
            print(
                f"  {budget:>5} picks  {name:<10} {told[name]:7.2f} nats, share {share:.3f}, {seconds:.2f} s",
                flush=True,
            )
        rival = max((name for name in told if name != "batch_bald"), key=lambda name: told[name])
        ratio = told["batch_bald"] / told[rival]
        bar(f"information_{budget}_over_{rival}", f"{ratio:.4f}x", ">1x", ratio > 1)
    agreement = agreement_of_first_ten(passes)
    bar("agreement_of_first_10", f"{agreement:.1f}", ">5", agreement > 5)
    large = np.concatenate(
        [passes[:, start : start + SAMPLES] for start in range(0, SAMPLES * SETS, SAMPLES)]
    )
    start = time.process_time()
    batch_bald(large[:LARGE_POOL], 100, np.random.default_rng(0))
    seconds = time.process_time() - start
    bar("seconds_100_of_45000", f"{seconds:.1f}", "<=4", seconds <= 4)


def bar(name: str, measured: str, wanted: str, met: bool) -> None:
    """One line that a machine can read."""
    print(f"BAR {name} {measured} {wanted} {'met' if met else 'short'}", flush=True)


def train(data_root: Path | None, seed: int) -> tuple[Network, torch.Tensor, NDArray[np.int32]]:
    """A network, the pool's images up to its first dropout layer, and their classes, int32[POOL]."""
    image_set = load_image_set("mnist" if data_root else "fashion_mini", data_root=data_root)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(image_set.labels))
    by_class = [order[image_set.labels[order] == label][: LABELS // 10] for label in range(10)]
    labeled = np.concatenate(by_class)
    pool = rng.permutation(np.setdiff1d(order, labeled))[:POOL]

    def pixels(rows: NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(image_set.images.take(rows)).permute(0, 3, 1, 2).float() / 255

    generator = torch.Generator().manual_seed(seed)
    network = build_network(LeNet(), NetworkSettings(dropout=0.5), image_set.images.shape, 10, generator)
    set_dropout_generator(network, generator)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    images, targets = pixels(labeled), torch.from_numpy(image_set.labels[labeled]).long()
    for _ in range(STEPS):
        batch = torch.randint(len(labeled), (64,), generator=generator)
        loss = torch.nn.functional.cross_entropy(network(images[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.inference_mode():
        return network, network.stem(pixels(pool)), image_set.labels[pool]


@torch.inference_mode()
def under_masks(network: Network, stem: torch.Tensor, samples: int, seed: int) -> Passes:
    """Softmax of each image under `samples` masks, float32[n, samples, c]."""
    masks = draw_dropout_masks(network, samples, torch.Generator().manual_seed(seed))
    result = np.empty((len(stem), samples, 10), np.float32)
    for sample in range(samples):
        with dropout_pass(network, masks, sample):
            for first in range(0, len(stem), 500):
                result[first : first + 500, sample] = (
                    network.finish(stem[first : first + 500]).softmax(1).numpy()
                )
    return result


def information(passes: Passes, bald: NDArray[np.float64]) -> float:
    """Held-out information of picks, float[b, t, c], whose BALD scores are `bald`, in nats."""
    masks = passes.shape[1]
    gram = np.eye(masks)
    for rows in np.array_split(np.arange(len(passes)), -(-len(passes) // 100)):
        columns = factors(passes[rows], bald[rows]).transpose(1, 0, 2).reshape(masks, -1).astype(np.float64)
        gram += columns @ columns.T
    return float(0.5 * np.linalg.slogdet(gram)[1])


def agreement_of_first_ten(passes: Passes) -> float:
    """Images that two disjoint sets of masks have in common among the first ten picks, mean over pairs of sets."""
    starts = range(0, SAMPLES * SETS, SAMPLES)
    rng = np.random.default_rng
    firsts = [set(batch_bald(passes[:, start : start + SAMPLES], 10, rng(0)).tolist()) for start in starts]
    return float(np.mean([len(a & b) for a, b in combinations(firsts, 2)]))


def batch_bald(passes: Passes, budget: int, rng: np.random.Generator) -> Picks:
    """The strategy with its default options."""
    n = len(passes)
    pool = PoolView(
        labeled=np.zeros(n, bool),
        labels=np.full(n, -1),
        probabilities=passes.mean(axis=1),
        features=np.zeros((n, 1), np.float32),
        mc_probabilities=passes,
    )
    return BatchBALD().select(pool, budget, rng)


def bald(passes: Passes, budget: int, rng: np.random.Generator) -> Picks:  # noqa: ARG001
    """The highest BALD scores."""
    return np.argsort(-mutual_information(passes))[:budget]


def power_bald(passes: Passes, budget: int, rng: np.random.Generator) -> Picks:
    """A draw without replacement, proportional to the score (Gumbel top-k, power 1 as recommended)."""
    logs = np.log(np.maximum(mutual_information(passes), 1e-12))
    return np.argsort(-(logs + rng.gumbel(size=len(logs))))[:budget]


def uniform(passes: Passes, budget: int, rng: np.random.Generator) -> Picks:
    """Random images."""
    return rng.permutation(len(passes))[:budget]


METHODS: dict[str, Callable[[Passes, int, np.random.Generator], Picks]] = {
    "batch_bald": batch_bald,
    "bald": bald,
    "power_bald": power_bald,
    "random": uniform,
}


if __name__ == "__main__":
    main()
