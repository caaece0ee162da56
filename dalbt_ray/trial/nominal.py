"""What a trial costs before anybody has run it: by what encoder and auxiliary say, or by what a GPU was measured at."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path

from dalbt_ray.config import Trial
from dalbt_ray.models.encoder import Cost

GPU_TIMES = Path(__file__).with_name("gpu_times.csv")
"""One line for each GPU and encoder that was measured; empty until somebody measures one.

Columns: `device` as torch names it, `encoder`, `step_seconds` (one training step on cross-entropy of 64 images),
`image_seconds` (one image while scoring), `measured` (where, when and how).
"""

POOL = 60_000
"""Images that a pool of unknown size counts as."""


@dataclass(frozen=True)
class Gpu:
    """A GPU that was measured.

    Attributes:
        device: its name, as torch gives it.
        costs: of each measured encoder, by name.
        measured: where, when and how.
    """

    device: str
    costs: Mapping[str, Cost]
    measured: str


@cache
def measured_gpus(table: Path = GPU_TIMES) -> dict[str, Gpu]:
    """The GPUs of the table by device."""
    found: dict[str, Gpu] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            device, cost = line["device"], Cost(float(line["step_seconds"]), float(line["image_seconds"]))
            before = found[device].costs if device in found else {}
            found[device] = Gpu(device, {**before, line["encoder"]: cost}, line["measured"])
    return found


def nominal_seconds(trial: Trial, gpu: Gpu | None = None) -> float | None:
    """Seconds of a whole trial; None where nobody knows. See `round_seconds`."""
    rounds = round_seconds(trial, gpu)
    return None if rounds is None else sum(rounds)


def round_seconds(trial: Trial, gpu: Gpu | None = None) -> tuple[float, ...] | None:
    """Seconds of each round of a trial, round 0 first.

    On one CPU core by what encoder, solver and auxiliary say; on a GPU by its table, which knows neither solvers nor
    auxiliaries. None where the encoder, or a part on a GPU, has not been measured.
    """
    cost = trial.encoder.cost if gpu is None else gpu.costs.get(trial.encoder.name)
    makeup, solver, needs = trial.makeup, trial.encoder.solver, trial.strategy.needs
    auxiliaries = {each for each in (makeup.auxiliary, trial.strategy.auxiliary) if each is not None}
    if cost is None or (gpu is not None and (solver is not None or auxiliaries)):
        return None
    recipe, splits, rounds = trial.training, trial.splits, []
    measured = splits.validation_size + 10_000
    pool = splits.ood_count + (splits.pool_size or POOL)
    scored = pool if needs.scores else 0
    for index in range(trial.rounds + 1):
        labeled, total = splits.initial_size + index * trial.budget, 0.0
        unlabeled = max(0, pool - index * trial.budget)
        steps = max(recipe.epochs * ceil(recipe.epoch_of(labeled) / recipe.batch_size), recipe.min_steps)
        for auxiliary in auxiliaries:
            steps = auxiliary.classifier_steps(steps, unlabeled=unlabeled, batch_size=recipe.batch_size)
            total += auxiliary.nominal_seconds(labeled=labeled, unlabeled=unlabeled, steps=steps)
        if solver is None:
            total += makeup.members * steps * trial.objective.cost * cost.step
        else:
            total += solver.nominal_seconds(labeled)
        total += (labeled + measured + (makeup.members + needs.dropout_samples) * scored) * cost.image
        if index == 0:  # once for all trials of a seed; here as if each had it to itself
            two_views = 2 * trial.pretraining.batch_size / 64 if trial.pretraining.happens else 0.0
            total += two_views * trial.pretraining.steps(pool) * cost.step
        rounds.append(total)
    return tuple(rounds)
