"""The one hook for strategies that train networks of their own, besides or together with the classifier."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.models.network import Network
from dalbt_ray.options.value import Value


@dataclass(frozen=True)
class Batch:
    """One training step as an auxiliary sees it. Tensors carry their graph while the loss is made.

    Attributes:
        images: float[b, c, h, w] in 0..1, labeled, as the classifier met them: augmented where the trial says so.
        labels: int64[b].
        features: float[b, d], the latent that the classifier read: z, or a sample of it if variational.
        mean, log_variance: float[b, d] of a variational encoder; `mean` equals `features` otherwise.
        logits: float[b, k].
        unlabeled: float[u, c, h, w], drawn from the unlabeled pool and augmented alike; None when it is empty, or where
            `AuxiliarySettings.reads_unlabeled` is false.
    """

    images: Tensor
    labels: Tensor
    features: Tensor
    mean: Tensor
    log_variance: Tensor | None
    logits: Tensor
    unlabeled: Tensor | None


class ImagesByRow(Protocol):
    """Images that a training phase of its own reads."""

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """uint8[b, h, w, c], a copy of the images at `rows` (int64[b]), in that order."""


class Auxiliary(ABC):
    """A strategy's own networks during one round, built again each round by `AuxiliarySettings.build`.

    They train step by step along with the classifier (`loss`, `update`), or in a phase of their own (`fit`).
    """

    settings: "AuxiliarySettings"

    def loss(self, batch: Batch) -> Tensor:
        """float[], added to the classifier's loss of this step; nothing unless a method says otherwise."""
        return batch.logits.new_zeros(())

    def update(self, batch: Batch) -> None:  # noqa: B027 - optional, not forgotten
        """Steps of the auxiliary's own optimizers, after the classifier's step on the same batch."""

    def fit(  # noqa: B027
        self,
        images: ImagesByRow,
        labeled: NDArray[np.int64],
        unlabeled: NDArray[np.int64],
        poll: Callable[[], None],
    ) -> None:
        """Training apart from the classifier, once a round, after the classifier's.

        Args:
            images: where the rows lie.
            labeled: int64[m], rows of the labeled images.
            unlabeled: int64[u], rows of the unlabeled pool.
            poll: to be called between steps; it raises when the round is to end early.
        """

    def score(self, images: Tensor, features: Tensor, logits: Tensor) -> Tensor | None:  # noqa: ARG002
        """float[b] for clean images at scoring time, the strategy's `PoolView.auxiliary`; None if it needs none."""
        return None


class AuxiliarySettings(Value, ABC):
    """What a strategy holds, as a frozen dataclass, to say which networks it wants."""

    path: ClassVar[str] = "strategy.auxiliary"

    joins_loss: ClassVar[bool]
    """Whether `Auxiliary.loss` changes the classifier: then its round 0 differs from the plain network's."""

    needs_pixels: ClassVar[bool] = False
    """Whether the networks read or rebuild images: features of a frozen encoder do not do."""

    reads_unlabeled: ClassVar[bool] = False
    """Whether `Auxiliary.loss` and `update` want unlabeled images in every step."""

    def classifier_steps(self, planned: int, *, unlabeled: int, batch_size: int) -> int:  # noqa: ARG002
        """Steps of the classifier in a round; those that the recipe `planned` unless a method wants more.

        Args:
            planned: steps by the recipe, which counts labels.
            unlabeled: images in the unlabeled pool.
            batch_size: images of a step.
        """
        return planned

    @abstractmethod
    def nominal_seconds(self, *, labeled: int, unlabeled: int, steps: int) -> float:
        """What a round's own networks cost beside the classifier's `steps`, in seconds of one CPU core.

        For plans, until a trial has finished. Measured as process CPU time on 28x28 gray images with LeNet, one
        thread, on a two-core machine that was busy with other work: right within a factor of two.

        Args:
            labeled: images in the labeled set.
            unlabeled: images in the unlabeled pool.
            steps: of the classifier.
        """

    @abstractmethod
    def build(
        self,
        network: Network,
        *,
        image_shape: tuple[int, int, int],
        classes: int,
        labeled: int,
        unlabeled: int,
        generator: torch.Generator,
        device: torch.device,
    ) -> Auxiliary:
        """New networks for a round.

        Args:
            network: the classifier that is about to be trained, on `device`.
            image_shape: (height, width, channels).
            classes: number of classes.
            labeled: images in the labeled set.
            unlabeled: images in the unlabeled pool.
            generator: a CPU generator, the only source of randomness.
            device: where to compute.
        """


def pool_steps(epochs: float, *, unlabeled: int, batch_size: int) -> int:
    """Steps of `epochs` passes over the unlabeled pool; 0 where it is empty."""
    return ceil(epochs * ceil(unlabeled / batch_size))
