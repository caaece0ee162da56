"""The sets that are known by name: what they hold, whose they are, and where torchvision gets them."""

from dataclasses import dataclass
from typing import Literal

from dalbt_ray.data.decoding import Shape

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

KMNIST_LICENCE = (
    'CC BY-SA 4.0; "KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" '
    "(created by NIJL and others), doi:10.20676/00000341"
)
FASHION_LICENCE = "MIT, (c) 2017 Zalando SE"


@dataclass(frozen=True)
class KnownSet:
    """One set.

    Attributes:
        title: its proper name.
        class_names: in label order.
        shape: (height, width, channels) of its images, also what networks are fed with.
        licence: the license, as stated by its makers.
        torchvision: the name of its class in `torchvision.datasets`; empty for the embedded sets.
        mirrored: whether the mirror image of an image is as good an example of its class: not of a digit or a letter.
        split_argument: how that class is asked for a split, `train=True` or `split="train"`.
    """

    title: str
    class_names: tuple[str, ...]
    shape: Shape
    licence: str
    torchvision: str = ""
    mirrored: bool = False
    split_argument: Literal["train", "split"] = "train"


KNOWN_SETS = {
    "fashion_mini": KnownSet(
        "Fashion-MNIST (12,000 images)", CLOTHES, (28, 28, 1), FASHION_LICENCE, mirrored=True
    ),
    "kmnist_mini": KnownSet("Kuzushiji-MNIST (2,000 images)", KUZUSHIJI, (28, 28, 1), KMNIST_LICENCE),
    "mnist": KnownSet("MNIST", DIGITS, (28, 28, 1), "none stated by LeCun, Cortes and Burges", "MNIST"),
    "fashion_mnist": KnownSet(
        "Fashion-MNIST", CLOTHES, (28, 28, 1), FASHION_LICENCE, "FashionMNIST", mirrored=True
    ),
    "kmnist": KnownSet("Kuzushiji-MNIST", KUZUSHIJI, (28, 28, 1), KMNIST_LICENCE, "KMNIST"),
    "cifar10": KnownSet(
        "CIFAR-10", CIFAR, (32, 32, 3), "none stated; cite Krizhevsky 2009", "CIFAR10", mirrored=True
    ),
    "svhn": KnownSet(
        "SVHN (cropped digits)",
        DIGITS,
        (32, 32, 3),
        "non-commercial use only",
        "SVHN",
        split_argument="split",
    ),
}
EMBEDDED = ("fashion_mini", "kmnist_mini")
