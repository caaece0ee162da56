"""Which Weibull policy keeps OOD images out of the queries, and at what price in accuracy?

    python sweeps/mixed_pool.py --data-root DIR

Fashion-MNIST with 10,000 images of KMNIST or of MNIST in the pool: LeNet, 100 labels at first, 100 acquired in each of
5 rounds, at least 200 steps a round, 5 seeds. DALBT under its five policies against random, entropy and core_set; all
of them train with the joint loss, so that only the selection differs.
"""

import sys
from dataclasses import replace
from typing import get_args

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.splits import paper_splits
from dalbt_ray.launch.grid import with_seeds
from dalbt_ray.launch.sweep_command import main
from dalbt_ray.strategies import get_strategy
from dalbt_ray.strategies.dalbt import Policy


def mixed_pool() -> list[Trial]:
    """8 ways to select, 2 ood sets, 5 seeds."""
    setting = Trial(
        dataset="fashion_mnist",
        ood="kmnist",
        budget=100,
        rounds=5,
        splits=paper_splits("fashion_mnist", mixed=True),
        training=Training(epochs=20, min_steps=200),
    )
    policies = [
        replace(setting, strategy=get_strategy("dalbt", policy=policy), variant=policy)
        for policy in get_args(Policy)
    ]
    others = [replace(setting, strategy=get_strategy(name)) for name in ("random", "entropy", "core_set")]
    cells = [replace(trial, ood=ood) for ood in ("kmnist", "mnist") for trial in policies + others]
    return with_seeds(cells, (0, 1, 2, 3, 4))


if __name__ == "__main__":
    sys.exit(main({"mixed_pool": mixed_pool}, __doc__))
