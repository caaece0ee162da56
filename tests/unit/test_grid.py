"""Narrowing and widening a list of trials."""

from dataclasses import replace

import pytest

from dalbt_ray.config import Trial
from dalbt_ray.errors import InputError
from dalbt_ray.launch.arguments import choose_trials, parse_arguments
from dalbt_ray.launch.grid import with_rounds, with_seeds, with_strategies
from dalbt_ray.models.frozen import Frozen
from dalbt_ray.models.lenet import LeNet
from dalbt_ray.objectives.joint import Joint
from dalbt_ray.objectives.supervised import Supervised
from dalbt_ray.strategies import get_strategy

BASE = Trial(objective=Supervised(), strategy=get_strategy("random"), rounds=5)
TRIALS = [
    replace(BASE, seed=seed, strategy=get_strategy(name)) for seed in (0, 1) for name in ("random", "margin")
]


def test_seeds_replace_seeds() -> None:
    """Each cell once under each new seed, however many seeds it had."""
    found = with_seeds(TRIALS, [3, 4, 5])
    assert len(found) == 2 * 3
    assert {trial.seed for trial in found} == {3, 4, 5}


def test_a_strategy_that_is_not_listed_joins_every_cell() -> None:
    """`--strategies badge` works in a preset without badge, under its paper's objective."""
    found = with_strategies(TRIALS, ["entropy", "margin"])
    assert [(t.strategy.name, t.seed) for t in found] == [
        ("entropy", 0),
        ("entropy", 1),
        ("margin", 0),
        ("margin", 1),
    ]
    assert with_strategies(TRIALS, ["dalbt"])[0].objective == Joint()


def test_an_unknown_strategy_names_the_nearest() -> None:
    """Typing errors are answered with what was meant."""
    with pytest.raises(InputError, match="did you mean 'entropy'"):
        with_strategies(TRIALS, ["entropi"])


def chosen(trials: list[Trial], *typed: str) -> list[Trial]:
    """What a command line makes of a preset of `trials`."""
    presets = {"base": lambda: trials}
    return choose_trials(presets, parse_arguments(presets, None, "results", typed)).trials


def test_objective_merges_what_becomes_equal() -> None:
    """Random under both objectives becomes one trial, not two equal ones."""
    both = [BASE, replace(BASE, objective=Joint())]
    assert chosen(both, "--objective", "joint") == [both[1]]


def test_a_strategy_and_an_objective_need_fit_only_what_is_set_with_them() -> None:
    """A method that learns from OOD images in a pool that returned them; a loss on views where features were frozen."""
    mixed = replace(BASE, ood="kmnist", splits=replace(BASE.splits, ood_count=50))
    with pytest.raises(InputError, match="--set ood_policy=learn"):
        chosen([mixed], "--strategies", "k_plus_one")
    (trial,) = chosen([mixed], "--strategies", "k_plus_one", "--set", "ood_policy=learn")
    assert (trial.strategy, trial.ood_policy) == (get_strategy("k_plus_one"), "learn")
    frozen = replace(BASE, encoder=Frozen(dimensions=16))
    (trial,) = chosen([frozen], "--objective", "joint", "--set", "encoder=lenet")
    assert (trial.objective, trial.encoder) == (Joint(), LeNet())


def test_rounds_are_capped_not_raised() -> None:
    """`--max-rounds` shortens; it never makes a trial longer."""
    assert {trial.rounds for trial in with_rounds(TRIALS, 3)} == {3}
    assert {trial.rounds for trial in with_rounds(TRIALS, 9)} == {5}
