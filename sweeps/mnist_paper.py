"""MNIST as in the paper: which of its claims hold, and what do the joint loss and the Weibull selection contribute?

    python sweeps/mnist_paper.py --data-root DIR

100 labels at first and 100 a round to 1,000, LeNet, 20 epochs, 5 seeds, all strategies that the paper compares; DALBT
and random under both objectives, so that loss and selection can be told apart. The paper's 20 epochs are 40 steps on
100 labels, which leaves LeNet undertrained; the same four trials with at least 200 steps a round show what that does.
"""

import sys
from dataclasses import replace

from dalbt_ray import Trial, compare, sweep, with_seeds
from sweeps.paper_grid import BOTH_OBJECTIVES, PAPER_SEEDS, PAPER_STRATEGIES, lenet, strategies


def mnist_paper() -> list[Trial]:
    """The paper's recipe for every strategy, then the longer one for dalbt and random."""
    setting = replace(lenet("mnist", 100), rounds=9)
    longer = replace(setting, training=replace(setting.training, min_steps=200))
    cells = compare(setting, strategies(PAPER_STRATEGIES), both=BOTH_OBJECTIVES)
    cells += compare(longer, strategies(BOTH_OBJECTIVES), both=BOTH_OBJECTIVES)
    return with_seeds(cells, PAPER_SEEDS)


if __name__ == "__main__":
    sys.exit(sweep({"mnist_paper": mnist_paper}, __doc__))
