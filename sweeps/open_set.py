"""Which images are worth a label when many of the pool are none of ours, and what was bought in vain may teach?

    python sweeps/open_set.py --preset quick
    python sweeps/open_set.py --preset study --data-root DIR

Four kinds of pools: CIFAR-10 with SVHN and Fashion-MNIST with KMNIST (20 % of the unlabeled images OOD), CIFAR-10 with
4 of its 10 classes to be learned (60 % OOD) and Fashion-MNIST with 5 of 10 (50 %), the classes drawn by the seed.
Features are EfficientNet-Lite0's on 256 axes. Every classifier, random sampling's too, learns a class "none of ours"
from the OOD images that were bought; accuracy is that on the known classes. `oracle_purity` is a control that knows
which images are OOD. `study` pays for 5 x 100 labels after 100 given ones, `study_low` for 20 x 20 after 20; `lenet`
trains LeNet from scratch; `quick` is the embedded images.
"""

import sys
from dataclasses import replace

from dalbt_ray import (
    Frozen,
    LeNet,
    Method,
    SplitSettings,
    Supervised,
    Training,
    Trial,
    get_strategy,
    sound,
    sweep,
    with_seeds,
)

METHODS: tuple[Method, ...] = (
    get_strategy("random"),
    get_strategy("entropy"),
    get_strategy("margin"),
    get_strategy("badge"),
    get_strategy("core_set"),
    get_strategy("dalbt"),
    get_strategy("dalbt", policy="inlier_uncertain"),
    get_strategy("dalbt", policy="outlier_margin"),
    get_strategy("dalbt", policy="likelihood_ratio"),
    get_strategy("k_plus_one"),
    get_strategy("k_plus_one", first_query="rule"),
    get_strategy("lfosa"),
    get_strategy("eoal"),
    get_strategy("eaoa"),
    get_strategy("e2oal"),
    get_strategy("mqnet"),
    get_strategy("oracle_purity"),
)
QUICK = ("random", "margin", "k_plus_one", "lfosa", "oracle_purity")

MIXED = SplitSettings(train_limit=None, validation_size=5_000, ood_share=0.2)
CIFAR10_SPLIT = SplitSettings(train_limit=None, validation_size=2_000, known_classes=4, ood_share=0.6)
FASHION_SPLIT = SplitSettings(train_limit=None, validation_size=2_000, known_classes=5, ood_share=0.5)
SETTINGS = (
    ("cifar10", "svhn", MIXED),
    ("cifar10", "", CIFAR10_SPLIT),
    ("fashion_mnist", "kmnist", MIXED),
    ("fashion_mnist", "", FASHION_SPLIT),
)


def setting(dataset: str, ood: str, splits: SplitSettings, initial: int, budget: int, rounds: int) -> Trial:
    """A pool and a price; every arm learns from the OOD images that it has bought."""
    return Trial(
        dataset=dataset,
        ood=ood,
        ood_policy="learn",
        objective=Supervised(),
        encoder=Frozen(dimensions=256),
        training=Training(outlier_class=True),
        budget=budget,
        rounds=rounds,
        splits=replace(splits, initial_size=initial),
    )


def study() -> list[Trial]:
    """100 labels and 5 queries of 100, 40 seeds."""
    return _compared(
        [setting(*each, initial=100, budget=100, rounds=5) for each in SETTINGS], METHODS, range(40)
    )


def study_low() -> list[Trial]:
    """20 labels and 20 queries of 20, 40 seeds."""
    return _compared(
        [setting(*each, initial=20, budget=20, rounds=20) for each in SETTINGS], METHODS, range(40)
    )


def lenet() -> list[Trial]:
    """LeNet from scratch by the sound recipe, Fashion-MNIST with KMNIST, 10 seeds."""
    frozen = setting("fashion_mnist", "kmnist", MIXED, initial=100, budget=100, rounds=5)
    return _compared([sound(replace(frozen, encoder=LeNet()))], METHODS, range(10))


def quick() -> list[Trial]:
    """Minutes on two cores: Fashion-MNIST images that come with the package, split by class and mixed with KMNIST."""
    small = SplitSettings(train_limit=None, validation_size=500)
    pools = [
        setting("fashion_mini", "", replace(small, known_classes=5, ood_share=0.5), 50, 50, 4),
        setting("fashion_mini", "kmnist_mini", replace(small, ood_share=0.2), 50, 50, 4),
    ]
    return _compared(pools, [get_strategy(name) for name in QUICK], range(3))


def _compared(
    settings: list[Trial], methods: "tuple[Method, ...] | list[Method]", seeds: range
) -> list[Trial]:
    return with_seeds([replace(each, strategy=method) for each in settings for method in methods], seeds)


if __name__ == "__main__":
    presets = {"study": study, "study_low": study_low, "lenet": lenet, "quick": quick}
    sys.exit(sweep(presets, __doc__, results="results/open_set"))
