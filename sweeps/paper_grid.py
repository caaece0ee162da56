"""Do the paper's comparisons hold? Its whole grid, and smaller presets of it.

    python sweeps/paper_grid.py --preset quick
    python sweeps/paper_grid.py --preset paper --plan

DALBT against every method that the paper compares with, on MNIST, Fashion-MNIST, CIFAR-10 and on CIFAR-10 pools
mixed with out-of-distribution images; 5 seeds; DALBT and random under both objectives, so that the gain of the joint
loss can be told from the gain of the selection. The paper separates neither.
"""

import sys
from collections.abc import Callable
from dataclasses import replace

from dalbt_ray import (
    VGG16,
    Method,
    SplitSettings,
    Training,
    Trial,
    compare,
    get_strategy,
    paper_splits,
    sound,
    sweep,
    with_seeds,
)

PAPER_SEEDS = (0, 1, 2, 3, 4)
PAPER_STRATEGIES = (
    "dalbt",
    "random",
    "dal_osr",
    "vaal",
    "core_set",
    "mc_dropout",
    "ensemble_varr",
    "dbal",
    "batch_bald",
    "waal",
)
"""Section 4.1, "State of the art comparison"."""

BOTH_OBJECTIVES = ("dalbt", "random")
OOD_SETS = ("svhn", "kmnist", "fashion_mnist")


def strategies(names: tuple[str, ...]) -> list[Method]:
    """The named strategies with this project's defaults."""
    return [get_strategy(name) for name in names]


def as_published(names: tuple[str, ...]) -> list[Method]:
    """The named strategies as the paper has them: DALBT fits each class's Weibull law by itself."""
    return [get_strategy(name, **{"dalbt": {"tails": "plain"}}.get(name, {})) for name in names]


def lenet(dataset: str, budget: int) -> Trial:
    """MNIST or Fashion-MNIST as in the paper: 100 labels at first, then `budget` a round up to 10 queries."""
    return Trial(
        dataset=dataset,
        budget=budget,
        rounds=10,
        splits=paper_splits(dataset),
        training=Training(epochs=20 if dataset == "mnist" else 150),
    )


def vgg(budget: int, ood: str = "") -> Trial:
    """CIFAR-10 as in the paper: 5,000 labels at first, then `budget` a round to 40 % of the training data."""
    return Trial(
        dataset="cifar10",
        ood=ood,
        budget=budget,
        rounds=(20_000 - 5_000) // budget,
        splits=paper_splits("cifar10", mixed=bool(ood)),
        encoder=VGG16(),
        training=Training(epochs=150),
    )


def mnist() -> list[Trial]:
    """MNIST, budgets of 100 and 1,000."""
    return _grid([lenet("mnist", 100), lenet("mnist", 1_000)])


def fashion_mnist() -> list[Trial]:
    """Fashion-MNIST, budgets of 100 and 1,000."""
    return _grid([lenet("fashion_mnist", 100), lenet("fashion_mnist", 1_000)])


def cifar10() -> list[Trial]:
    """CIFAR-10, budgets of 2,500 and 1,000."""
    return _grid([vgg(2_500), vgg(1_000)])


def mixed_pool() -> list[Trial]:
    """CIFAR-10 with 10,000 images of SVHN, KMNIST or Fashion-MNIST in the pool, a budget of 1,000."""
    return _grid([vgg(1_000, ood) for ood in OOD_SETS])


def paper() -> list[Trial]:
    """Everything."""
    return mnist() + fashion_mnist() + cifar10() + mixed_pool()


def quick() -> list[Trial]:
    """Minutes on a laptop: real Fashion-MNIST images that come with the package, and a pool mixed with KMNIST.

    The sound recipe but for its length, which would take three times the four minutes: half of the passes, and at
    least 200 steps. Plain networks fit 100 to 500 labels in that.
    """
    long = sound(
        Trial(
            dataset="fashion_mini",
            budget=100,
            rounds=4,
            splits=SplitSettings(train_limit=None, initial_size=100, validation_size=1_000),
        )
    )
    single = replace(long, training=replace(long.training, epochs=60, min_steps=200))
    mixed = replace(single, ood="kmnist_mini", splits=replace(single.splits, ood_count=2_000))
    names = ("dalbt", "random", "entropy", "margin", "least_confidence", "core_set")
    trials = compare(single, strategies(names), both=BOTH_OBJECTIVES)
    return with_seeds(trials + compare(mixed, strategies(("dalbt", "random"))), (0, 1))


def _grid(settings: list[Trial]) -> list[Trial]:
    chosen = as_published(PAPER_STRATEGIES)
    cells = [trial for each in settings for trial in compare(each, chosen, both=BOTH_OBJECTIVES)]
    return with_seeds(cells, PAPER_SEEDS)


PRESETS: dict[str, Callable[[], list[Trial]]] = {
    "quick": quick,
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "cifar10": cifar10,
    "mixed_pool": mixed_pool,
    "paper": paper,
}

if __name__ == "__main__":
    sys.exit(sweep(PRESETS, __doc__))
