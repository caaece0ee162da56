"""Which method at which budget? Frozen features of a pretrained model, from the first label on.

    python sweeps/budgets.py --preset low --data-root DIR

CIFAR-10 and Fashion-MNIST, EfficientNet-Lite0 features on their 256 principal axes, logistic regression; 14 strategies.
`low` goes from 0 to 100 labels by 10, `middle` from 100 to 1,000 by 100, `high` from 1,000 to 10,000 by 1,000; 50, 50
and 20 seeds.
"""

import sys
from dataclasses import replace

from dalbt_ray import Frozen, SplitSettings, Supervised, Trial, get_strategy, sweep, with_seeds

DATASETS = ("cifar10", "fashion_mnist")
STRATEGIES = (
    "random",
    "entropy",
    "margin",
    "least_confidence",
    "power_margin",
    "badge",
    "bait",
    "cluster_margin",
    "core_set",
    "typiclust",
    "prob_cover",
    "max_herding",
    "uncertainty_herding",
    "dalbt",
)


def low() -> list[Trial]:
    """0 to 100 labels: the strategy chooses the first ones too, where it can without a classifier."""
    return _trials(initial=0, budget=10, rounds=10, seeds=range(50))


def middle() -> list[Trial]:
    """100 to 1,000 labels."""
    return _trials(initial=100, budget=100, rounds=9, seeds=range(50))


def high() -> list[Trial]:
    """1,000 to 10,000 labels."""
    return _trials(initial=1_000, budget=1_000, rounds=9, seeds=range(20))


def _trials(initial: int, budget: int, rounds: int, seeds: range) -> list[Trial]:
    setting = Trial(
        dataset=DATASETS[0],
        objective=Supervised(),
        encoder=Frozen(dimensions=256),
        budget=budget,
        rounds=rounds,
        splits=SplitSettings(train_limit=None, initial_size=initial, validation_size=5_000),
    )
    cells = [
        replace(setting, dataset=dataset, strategy=get_strategy(name))
        for dataset in DATASETS
        for name in STRATEGIES
    ]
    return with_seeds(cells, seeds)


if __name__ == "__main__":
    sys.exit(sweep({"low": low, "middle": middle, "high": high}, __doc__, results="results/budgets"))
