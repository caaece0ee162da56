"""Which Weibull policy keeps OOD images out of the queries, and at what price in accuracy?

    python sweeps/mixed_pool.py --data-root DIR

Fashion-MNIST with 10,000 images of KMNIST or of MNIST in the pool: LeNet, 100 labels at first, 100 acquired in each of
5 rounds, at least 200 steps a round, 5 seeds. DALBT under the five policies that learn from no bought OOD image
(sweeps/open_set.py has the sixth) against random, entropy and core_set; all of them train with the joint loss, so that
only the selection differs.
"""

import sys
from dataclasses import replace
from typing import get_args

from dalbt_ray import Training, Trial, get_strategy, paper_splits, sweep, with_seeds
from dalbt_ray.strategies.dalbt import Policy


def mixed_pool() -> list[Trial]:
    """8 ways to select, 2 OOD sets, 5 seeds."""
    setting = Trial(
        dataset="fashion_mnist",
        ood="kmnist",
        budget=100,
        rounds=5,
        splits=paper_splits("fashion_mnist", mixed=True),
        training=Training(epochs=20, min_steps=200),
    )
    policies = [get_strategy("dalbt", policy=policy) for policy in get_args(Policy)]
    strategies = [policy for policy in policies if not policy.needs.outliers]
    strategies += [get_strategy(name) for name in ("random", "entropy", "core_set")]
    cells = [
        replace(setting, ood=ood, strategy=strategy) for ood in ("kmnist", "mnist") for strategy in strategies
    ]
    return with_seeds(cells, (0, 1, 2, 3, 4))


if __name__ == "__main__":
    sys.exit(sweep({"mixed_pool": mixed_pool}, __doc__))
