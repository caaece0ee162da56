"""Narrow or widen a list of trials: other seeds, strategies, objectives, fewer rounds."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dalbt_ray.config import Objective, Trial
from dalbt_ray.errors import InputError
from dalbt_ray.strategies import get_strategy
from dalbt_ray.strategies.random import Random

OWN_OBJECTIVE: dict[str, Objective] = {"dalbt": "joint"}
"""The objective of each method's own paper; every method that is not listed trains on cross-entropy alone."""


def with_seeds(trials: Sequence[Trial], seeds: Sequence[int]) -> list[Trial]:
    """Every trial under each of `seeds` instead of its own."""
    cells = _unique(replace(trial, seed=0) for trial in trials)
    return [replace(cell, seed=seed) for seed in seeds for cell in cells]


def with_strategies(trials: Sequence[Trial], names: Sequence[str]) -> list[Trial]:
    """The trials of the named strategies; one that the list lacks is added with its default options.

    It is added to every cell (data set, OOD set, budget, seed, ...) of the list, under its paper's objective.

    Raises:
        InputError: an unknown strategy.
    """
    chosen: list[Trial] = []
    for name in names:
        strategy = get_strategy(name)
        present = [trial for trial in trials if trial.strategy.name == name]
        objective = OWN_OBJECTIVE.get(name, "supervised")
        cells = _unique(
            replace(trial, strategy=Random(), objective="supervised", variant="") for trial in trials
        )
        chosen += present or [replace(cell, strategy=strategy, objective=objective) for cell in cells]
    return _unique(chosen)


def with_objective(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """Every trial under `objective`; trials that become equal are kept once."""
    return _unique(replace(trial, objective=objective) for trial in trials)


def with_rounds(trials: Sequence[Trial], most: int) -> list[Trial]:
    """Every trial with at most `most` queries.

    Raises:
        InputError: a negative number.
    """
    if most < 0:
        raise InputError("max-rounds", most, "must be at least 0")
    return [replace(trial, rounds=min(trial.rounds, most)) for trial in trials]


def _unique(trials: Iterable[Trial]) -> list[Trial]:
    return list(dict.fromkeys(trials))
