"""Frozen features: how fast images are embedded, what the features are worth, and how long a sweep of trials takes.

    python benchmarks/frozen.py [--data-root DIR]

Embedding: EfficientNet-Lite0 at 96 pixels, 2,000 embedded Fashion-MNIST images from their Parquet file to kept blocks,
CPU seconds of this process, one torch thread; then the same call again. Sweep: one seed of `sweeps/frozen.py` (CIFAR-10
under the data root, 10 strategies, 10 rounds of 100) in this process without Ray, on its 256 axes and on all 1,280; its
CPU seconds times 50 seeds over 2 cores is what the whole sweep takes after embedding. Accuracy: `random` of the same
setting, all axes, three seeds. Plan: 10,000 trials, CPU seconds after the imports. Without CIFAR-10 only the embedding
and the plan are measured.
"""

import argparse
import io
import os
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import torch

from dalbt_ray import Frozen, InputError, Trial, get_strategy, load_results, with_seeds
from dalbt_ray.data.embedding.embed_blocks import embed_missing, file_to_embed, run_here
from dalbt_ray.data.embedding.embedded_set import load_images
from dalbt_ray.data.image_set import ImageSetFiles
from dalbt_ray.data.sources import data_root_from, user_cache
from dalbt_ray.launch.in_process import run_in_process
from dalbt_ray.launch.plan import make_plan
from dalbt_ray.launch.progress import Progress
from dalbt_ray.results import ResultsStore
from sweeps.frozen import cifar10, frozen, quick

SEEDS, CORES = 50, 2


def bar(name: str, measured: float, wanted: float, unit: str, *, at_least: bool) -> None:
    """One line a bar."""
    met = measured >= wanted if at_least else measured <= wanted
    sign = ">=" if at_least else "<="
    print(f"BAR {name} {measured:.4g} {unit} {sign} {wanted:g} {'met' if met else 'short'}")


def embedding() -> None:
    """Images a CPU second, and what a second call embeds."""
    files = ImageSetFiles.find("fashion_mini", "", None)
    with tempfile.TemporaryDirectory() as folder:
        model = Frozen().embedding
        model.build()(np.zeros((25, 28, 28, 1), np.uint8))  # imports and warm-up are not images
        file = file_to_embed(files.test, files.shape, model, None, Path(folder))
        began = process_time()
        done = embed_missing([file], model, run_here, print)
        bar("embedded_images_per_cpu_second", done / (process_time() - began), 180, "", at_least=True)
        bar("embedded_by_a_second_call", embed_missing([file], model, run_here, print), 0, "", at_least=False)


def run(trials: Sequence[Trial], root: Path, folder: str) -> float:
    """CPU seconds of some trials whose images are embedded."""
    ResultsStore(folder).create_or_open({"sweep": "benchmark"})
    began = process_time()
    with redirect_stdout(io.StringIO()), Progress(len(trials)) as progress:
        outcome = run_in_process(trials, folder, root, progress)
    assert outcome.failed == 0
    return process_time() - began


def sweep_time(root: Path, name: str, dimensions: int) -> None:
    """One seed of the sweep, scaled up."""
    encoder = Frozen(dimensions=dimensions)
    trials = [replace(trial, encoder=encoder) for trial in cifar10() if trial.seed == 0]
    with tempfile.TemporaryDirectory() as folder:
        seconds = run(trials, root, folder)
        timings = load_results(folder).timings
        parts = timings[["train_seconds", "score_seconds", "select_seconds", "evaluate_seconds"]].sum()
        print(f"{len(trials)} trials: {seconds:.1f} CPU s; wall seconds by part: {parts.round(1).to_dict()}")
    bar(name, seconds * SEEDS / CORES / 60, 30, "min", at_least=False)


def accuracy(root: Path) -> None:
    """Mean test accuracy of random labels."""
    setting = replace(frozen("cifar10", 100, 15), encoder=Frozen(), strategy=get_strategy("random"))
    with tempfile.TemporaryDirectory() as folder:
        run(with_seeds([setting], range(3)), root, folder)
        rounds = load_results(folder).rounds
    for labels, wanted in ((100, 0.50), (500, 0.61), (1_500, 0.67)):
        found = rounds.loc[rounds["n_labeled"] == labels, "test_accuracy"].mean()
        bar(f"cifar10_random_accuracy_at_{labels}", found, wanted, "", at_least=True)


def plan() -> None:
    """CPU seconds to plan 10,000 trials."""
    cells = quick()[:7]
    began = process_time()
    planned = make_plan(with_seeds(cells, range(1_429)), {}, None)
    bar("plan_10000_trials_cpu_s", process_time() - began, 5, "s", at_least=False)
    assert len(planned.planned) == 10_003


def main() -> None:
    """All of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, default=data_root_from(os.environ))
    root = parser.parse_args().data_root
    torch.set_num_threads(1)
    print("one process, one torch thread; CPU seconds, which other work on the machine disturbs little")
    try:
        load_images("cifar10", "", Frozen().embedding, root, user_cache(os.environ), print)
    except InputError as error:
        print(f"CIFAR-10 is not measured: {error}")
    else:
        accuracy(root)
        sweep_time(root, "sweep_minutes_on_2_cores", 256)
        sweep_time(root, "sweep_minutes_on_2_cores_all_axes", 0)
    plan()
    embedding()


if __name__ == "__main__":
    main()
