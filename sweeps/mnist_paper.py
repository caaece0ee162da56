"""MNIST as in the paper: which of its claims hold, and what do the joint loss and the Weibull selection contribute?

    python sweeps/mnist_paper.py --data-root DIR

100 labels at first and 100 a round to 1,000, LeNet, 20 epochs, 5 seeds, all strategies that the paper compares; DALBT
and random under both objectives, so that loss and selection can be told apart. The paper's 20 epochs are 40 steps on
100 labels, which leaves LeNet undertrained; the same four trials with at least 200 steps a round show what that does.
"""

import sys
from dataclasses import replace

from dalbt_ray.config import Trial
from dalbt_ray.launch.grid import with_seeds
from dalbt_ray.launch.sweep_command import main
from sweeps.paper_grid import PAPER_SEEDS, PAPER_STRATEGIES, compare, lenet


def mnist_paper() -> list[Trial]:
    """The paper's recipe for every strategy, then the longer one for dalbt and random."""
    setting = replace(lenet("mnist", 100), rounds=9)
    longer = replace(setting, training=replace(setting.training, min_steps=200), variant="200 steps")
    return with_seeds(compare(setting, PAPER_STRATEGIES) + compare(longer, ("dalbt", "random")), PAPER_SEEDS)


if __name__ == "__main__":
    sys.exit(main({"mnist_paper": mnist_paper}, __doc__))
