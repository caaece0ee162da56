"""The studies of open-set pools: what each preset of `sweeps/open_set.py` is, in words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OpenSetStudy:
    """One preset of `sweeps/open_set.py`.

    Attributes:
        preset: its name.
        name: the bundle's folder.
        question: the page's title.
        pools: which there are.
        network: what is trained.
        price: labels at first and labels paid for.
        seeds: that the preset has.
    """

    preset: str
    name: str
    question: str
    pools: str
    network: str
    price: str
    seeds: int

    @property
    def from_scratch(self) -> bool:
        """Whether networks are trained from fresh weights; else on frozen features."""
        return self.network is not FROZEN


FOUR_POOLS = """CIFAR-10 with SVHN and Fashion-MNIST with KMNIST (20 % of the unlabeled images OOD), CIFAR-10 with 4 of
its 10 classes to be learned (60 % OOD) and Fashion-MNIST with 5 of 10 (50 %), the classes drawn by the seed. CIFAR-10
is our JPEG copy."""
FROZEN = """Frozen EfficientNet-Lite0 features (ImageNet) on their 256 principal axes, logistic regression with one more
class for "none of ours", which every arm trains on the OOD images that it bought."""

POOLS = {
    "cifar10 + svhn": "CIFAR-10 + SVHN",
    "cifar10 + other classes": "CIFAR-10, 4 of 10 classes",
    "fashion_mnist + kmnist": "Fashion-MNIST + KMNIST",
    "fashion_mnist + other classes": "Fashion-MNIST, 5 of 10 classes",
}
"""What reports call a pool, and what pages do, in their order."""

OPEN_SET = (
    OpenSetStudy(
        "study",
        "open_set",
        "Open-set pools: does anything beat random when many images are none of ours?",
        FOUR_POOLS,
        FROZEN,
        "100 labels at first, 5 queries of 100",
        40,
    ),
    OpenSetStudy(
        "study_low",
        "open_set_low",
        "Open-set pools at a few labels a query: 20 queries of 20",
        FOUR_POOLS,
        FROZEN,
        "20 labels at first, 20 queries of 20",
        40,
    ),
    OpenSetStudy(
        "lenet",
        "open_set_lenet",
        "Open-set pools and a network from scratch",
        "Fashion-MNIST with KMNIST (20 % of the unlabeled images OOD).",
        """LeNet from fresh weights in every round, by the [sound recipe](../recipe.md), with one more output for "none
of ours", which every arm trains on the OOD images that it bought.""",
        "100 labels at first, 5 queries of 100",
        10,
    ),
)
