"""Does selecting by dropout passes beat the random of the same network, once that network is trained long enough?

MNIST, or the embedded Fashion-MNIST images without `--data-root`: 100 labels, 3 queries of 100 from a pool of 4,000,
LeNet with dropout under the sound recipe, 5 seeds. `dbal` and `mc_dropout` with their defaults (100 masks) against
`random` with the learner `dropout`: differences in AUBC, paired on seeds, with a 95 % t interval. The bar is that the
mean is not below random by more than half a point. Random runs with twice the steps, too: a network that is trained to
the end does not change.

One process a core; 20 minutes of one core, 10 of two.

    python benchmarks/dropout_selection.py --data-root DIR
"""

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray import SplitSettings, Supervised, Trial, WithDropout, get_strategy, sound, with_seeds
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.report.paired import paired_t_test
from dalbt_ray.report.summaries import aubc
from dalbt_ray.results import ResultsStore
from dalbt_ray.results.records import RoundRow
from dalbt_ray.trial.rounds import run_trial

SEEDS = tuple(range(5))
RIVALS = ("dbal", "mc_dropout")
ALLOWED = -0.5
"""Points of AUBC below random that are still called none."""


def trials(dataset: str, rounds: int) -> dict[str, list[Trial]]:
    """The arms, each with its seeds; `doubled` is random with twice the steps."""
    setting = sound(
        Trial(
            dataset=dataset,
            strategy=get_strategy("random"),
            objective=Supervised(),
            learner=WithDropout(),
            budget=100,
            rounds=rounds,
            splits=SplitSettings(train_limit=50_000, validation_size=1_000, pool_size=4_000),
        )
    )
    recipe = setting.training
    longer = replace(recipe, epochs=2 * recipe.epochs, min_steps=2 * recipe.min_steps)
    arms = {"random": setting, "doubled": replace(setting, training=longer)}
    arms |= {name: replace(setting, strategy=get_strategy(name)) for name in RIVALS}
    return {name: with_seeds([arm], SEEDS) for name, arm in arms.items()}


def run(trial: Trial, data_root: Path | None) -> list[RoundRow]:
    """The rounds of a trial, in this process, on one thread."""
    torch.set_num_threads(1)
    rows: list[RoundRow] = []
    image_set = load_image_set(trial.dataset, data_root=data_root)
    with tempfile.TemporaryDirectory() as folder:
        run_trial(trial, image_set, ResultsStore(folder), on_round=lambda record: rows.append(record.row))
    return rows


def main() -> None:
    """Run everything, print curves and differences, and one line per bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data-root", type=Path, help="folder with MNIST; the embedded images without it")
    parser.add_argument("--rounds", type=int, default=3, help="queries of a trial")
    arguments = parser.parse_args()
    dataset = "mnist" if arguments.data_root else "fashion_mini"
    arms = trials(dataset, arguments.rounds)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        done = pool.map(
            partial(run, data_root=arguments.data_root), [t for arm in arms.values() for t in arm]
        )
        found = {name: [next(done) for _ in SEEDS] for name in arms}
    curves = {
        name: np.array([[row.measures["test_accuracy"] for row in rows] for rows in arm])
        for name, arm in found.items()
    }
    labels = np.array([row.n_labeled for row in found["random"][0]], dtype=np.float64)
    for name, curve in curves.items():
        fits = 100 * np.mean([[row.train_accuracy for row in rows] for rows in found[name]], axis=0)
        heights = ", ".join(f"{100 * each:.1f}" for each in curve.mean(axis=0))
        print(
            f"{dataset} {name:<10} {heights} %, fits {', '.join(f'{each:.1f}' for each in fits)} % of its labels"
        )
    for name in RIVALS:
        points = 100 * (areas(labels, curves[name]) - areas(labels, curves["random"]))
        tested = paired_t_test(points[:, None])
        mean, low, high = (float(each[0]) for each in (tested.mean, tested.low, tested.high))
        print(f"{name} - random: {mean:+.2f} ({low:+.2f} to {high:+.2f}) points of AUBC")
        bar(f"{name}_above_its_random", mean, f">= {ALLOWED}", mean >= ALLOWED)
    change = 100 * np.abs((curves["doubled"] - curves["random"]).mean(axis=0)).max()
    bar("doubling_the_steps_of_dropout_changes", float(change), "<= 1", change <= 1)


def areas(labels: NDArray[np.float64], curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """AUBC of each seed's curve, float64[s] from float64[s, r]."""
    return np.array([aubc(labels, curve) for curve in curves])


def bar(name: str, measured: float, wanted: str, met: bool) -> None:
    """One line that a machine can read."""
    print(f"BAR {name} {measured:.2f} points {wanted} {'met' if met else 'short'}", flush=True)


if __name__ == "__main__":
    main()
