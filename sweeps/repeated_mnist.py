"""Does BatchBALD cure what ails BALD? The ordering test of Kirsch et al. 2019 on a pool full of near copies.

    python scripts/make_repeated_mnist.py --data-root DIR
    python sweeps/repeated_mnist.py --data-root DIR

20 labels at first, 10 acquired in each of 8 rounds, 10 dropout passes, 6 seeds, the same dropout network for all three.
Their logs, after 100 labels: BALD 78.5 %, random 85.9 %, BatchBALD 89.4 %. The expectation is the order, not the
figures: their network and their pool of 180,000 images are larger.
"""

import sys
from dataclasses import replace

from dalbt_ray import (
    NetworkSettings,
    SplitSettings,
    Supervised,
    Training,
    Trial,
    get_strategy,
    sweep,
    with_seeds,
)

DROPOUT, PASSES = 0.5, 10


def repeated_mnist() -> list[Trial]:
    """Random, BALD and BatchBALD under one network and recipe."""
    setting = Trial(
        dataset="repeated_mnist",
        objective=Supervised(),
        budget=10,
        rounds=8,
        splits=SplitSettings(train_limit=None, initial_size=20, validation_size=500, initial_balance="class"),
        network=NetworkSettings(dropout=DROPOUT),
        training=Training(epochs=1, min_steps=400),
    )
    strategies = [
        get_strategy("random"),
        get_strategy("dbal", dropout=DROPOUT, samples=PASSES),
        get_strategy("batch_bald", dropout=DROPOUT, samples=PASSES, joint_size=10),
    ]
    return with_seeds([replace(setting, strategy=strategy) for strategy in strategies], range(6))


if __name__ == "__main__":
    sys.exit(sweep({"repeated_mnist": repeated_mnist}, __doc__))
