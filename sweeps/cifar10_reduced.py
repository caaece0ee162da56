"""Does VGG16 on CIFAR-10 work end to end? A REDUCED run for machines without a GPU; its accuracies mean nothing.

    python sweeps/cifar10_reduced.py --data-root DIR

The paper's network and data, but 300 labels at first, 100 acquired in each of 2 rounds, 2 epochs, and a pool of 700
images, so that it ends in minutes on two cores. A full CIFAR-10 trial trains VGG16 for 150 epochs on up to 20,000
images a round: `python sweeps/paper_grid.py --preset cifar10`, on a GPU.
"""

import sys
from dataclasses import replace

from dalbt_ray import SplitSettings, Trial, compare, sweep
from sweeps.paper_grid import strategies, vgg


def cifar10_reduced() -> list[Trial]:
    """DALBT and two baselines."""
    whole = vgg(100)
    reduced = replace(
        whole,
        rounds=2,
        splits=SplitSettings(train_limit=None, initial_size=300, validation_size=200, pool_size=700),
        training=replace(whole.training, epochs=2),
    )
    return compare(reduced, strategies(("dalbt", "random", "margin")))


if __name__ == "__main__":
    sys.exit(sweep({"cifar10_reduced": cifar10_reduced}, __doc__))
