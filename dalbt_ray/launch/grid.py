"""Narrow or widen a list of trials: other seeds, strategies, objectives, fewer rounds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from dalbt_ray.config import Trial, known_classes
from dalbt_ray.errors import InputError
from dalbt_ray.objectives import OBJECTIVES, Objective
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.options.value import checked
from dalbt_ray.strategies import Method
from dalbt_ray.strategies.random import Random


def own_objective(strategy: Method) -> Objective:
    """The objective of the method's own paper."""
    return OBJECTIVES[strategy.own_objective]()


def with_seeds(trials: Sequence[Trial], seeds: Iterable[int]) -> list[Trial]:
    """Every trial under each of `seeds` instead of its own."""
    cells = unique(replace(trial, seed=0) for trial in trials)
    return [replace(cell, seed=seed) for seed in seeds for cell in cells]


def join(cell: Trial, strategy: Method, objective: Objective) -> Trial:
    """The trial of `strategy` in a cell."""
    return replace(cell, strategy=strategy, objective=objective)


def with_strategies(
    trials: Sequence[Trial], names: Sequence[str], join: Callable[[Trial, Method, Objective], Trial] = join
) -> list[Trial]:
    """The trials of the named strategies; one that the list lacks is added with its default options.

    It is added to every cell (data set, OOD set, budget, seed, ...) of the list, under its paper's objective.

    Args:
        trials: what to choose from.
        names: of strategies.
        join: how one that is added becomes a trial of a cell.

    Raises:
        InputError: a strategy that is neither in the package nor in the list.
    """
    known, chosen = known_classes(trials)[Method], list[Trial]()
    cells = unique(replace(trial, strategy=Random(), objective=own_objective(Random())) for trial in trials)
    for name in names:
        if name not in known:
            raise InputError("strategies", name, "is not a strategy", allowed=known)
        present = [trial for trial in trials if trial.strategy.name == name]
        if not present:
            strategy = known[name]()
            assert isinstance(strategy, Method)
            present = [join(cell, strategy, own_objective(strategy)) for cell in cells]
        chosen += present
    return unique(chosen)


def with_rounds(trials: Sequence[Trial], most: int) -> list[Trial]:
    """Every trial with at most `most` queries.

    Raises:
        InputError: a negative number.
    """
    if most < 0:
        raise InputError("max-rounds", most, "must be at least 0")
    return [replace(trial, rounds=min(trial.rounds, most)) for trial in trials]


def compare(setting: Trial, strategies: Iterable[Method], both: Iterable[str] = ()) -> list[Trial]:
    """One setting under many strategies, each with its paper's objective.

    Args:
        setting: what they all have in common.
        strategies: the methods.
        both: names of strategies that run under the joint *and* the supervised objective, so that a report can tell
            what the loss contributes from what the selection does.

    Raises:
        InputError: a name where a strategy belongs.
    """
    loss_control: list[Objective] = [Joint(), Supervised()]
    names = set(both)
    return [
        replace(setting, strategy=strategy, objective=objective)
        for strategy in (checked(Trial, "strategy", each) for each in strategies)
        for objective in (loss_control if strategy.name in names else [own_objective(strategy)])
    ]


def unique(trials: Iterable[Trial]) -> list[Trial]:
    """Each trial once, in order."""
    return list(dict.fromkeys(trials))
