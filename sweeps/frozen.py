"""Which images are worth a label when features come from a pretrained model, from the first label on?

    python sweeps/frozen.py --preset quick
    python sweeps/frozen.py --data-root DIR

EfficientNet-Lite0 (ImageNet; its weights are an installed package) embeds every image once; trials see 256 principal
axes of its features and solve a logistic regression on those of the labeled images. Nothing is labeled at first:
max_herding, typiclust and core_set choose the first labels too, the others begin with a random query. All train
alike, on cross-entropy.
"""

import sys
from dataclasses import replace

from dalbt_ray import Frozen, SplitSettings, Supervised, Trial, get_strategy, sweep, with_seeds

QUICK = ("random", "margin", "badge", "dalbt", "core_set", "max_herding", "typiclust")
MORE = ("entropy", "uncertainty_herding", "cluster_margin")


def frozen(dataset: str, budget: int, rounds: int) -> Trial:
    """A setting: from no label to `rounds` x `budget` of them."""
    return Trial(
        dataset=dataset,
        objective=Supervised(),
        encoder=Frozen(dimensions=256),
        budget=budget,
        rounds=rounds,
        splits=SplitSettings(train_limit=None, initial_size=0, validation_size=1_000),
    )


def cifar10() -> list[Trial]:
    """CIFAR-10, 10 methods, 10 rounds of 100, 50 seeds: 500 trials."""
    return _compared(frozen("cifar10", 100, 10), QUICK + MORE, range(50))


def quick() -> list[Trial]:
    """Minutes on two cores: real Fashion-MNIST images that come with the package, 10 rounds of 10."""
    return _compared(frozen("fashion_mini", 10, 10), QUICK, range(5))


def _compared(setting: Trial, names: tuple[str, ...], seeds: range) -> list[Trial]:
    return with_seeds([replace(setting, strategy=get_strategy(name)) for name in names], seeds)


if __name__ == "__main__":
    sys.exit(sweep({"cifar10": cifar10, "quick": quick}, __doc__, results="results/frozen"))
