"""The one hook for strategies that train networks of their own, besides or together with the classifier."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from dalbt_ray.models.network import Network
from dalbt_ray.options.value import Value


@dataclass(frozen=True)
class Batch:
    """One training step as an auxiliary sees it. Tensors carry their graph while the loss is made.

    Attributes:
        images: float[b, c, h, w] in 0..1, labeled, clean.
        labels: int64[b].
        features: float[b, d], the latent that the classifier read: z, or a sample of it if variational.
        mean, log_variance: float[b, d] of a variational encoder; `mean` equals `features` otherwise.
        logits: float[b, k].
        unlabeled: float[u, c, h, w], drawn from the unlabeled pool; None when it is empty.
    """

    images: Tensor
    labels: Tensor
    features: Tensor
    mean: Tensor
    log_variance: Tensor | None
    logits: Tensor
    unlabeled: Tensor | None


class Auxiliary(ABC):
    """A strategy's own networks during one round, built again each round by `AuxiliarySettings.build`."""

    def loss(self, batch: Batch) -> Tensor:
        """float[], added to the classifier's loss of this step; nothing unless a method says otherwise."""
        return batch.logits.new_zeros(())

    @abstractmethod
    def update(self, batch: Batch) -> None:
        """Steps of the auxiliary's own optimizers, after the classifier's step on the same batch."""

    def score(self, images: Tensor, features: Tensor, logits: Tensor) -> Tensor | None:  # noqa: ARG002
        """float[b] for clean images at scoring time, the strategy's `PoolView.auxiliary`; None if it needs none."""
        return None


class AuxiliarySettings(Value, ABC):
    """What a strategy holds, as a frozen dataclass, to say which networks it wants."""

    joins_loss: ClassVar[bool]
    """Whether `Auxiliary.loss` changes the classifier: then its round 0 differs from the plain network's."""

    needs_pixels: ClassVar[bool] = False
    """Whether the networks read or rebuild images: features of a frozen encoder do not do."""

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
