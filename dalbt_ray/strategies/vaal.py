"""Variational adversarial active learning: acquire what a discriminator takes for unlabeled."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.auxiliary.adversarial_vae import VaalSettings
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Ranked
from dalbt_ray.strategies.required import required


@dataclass(frozen=True, kw_only=True)
class VAAL(Ranked):
    """Acquire the images whose latent a discriminator is surest to be unlabeled.

    Sinha, Ebrahimi and Darrell 2019. A variational autoencoder learns labeled and unlabeled images alike and tries to
    make a discriminator call all of them labeled; the discriminator learns to tell them apart. The classifier takes no
    part, nor is it changed.

    Where public versions differ: DeepAL+ trains the discriminator to call both sides labeled and acquires the
    highest; the authors' code leaves the classifier in evaluation mode after the first validation, weighs the KL term
    some ten thousand times too high, and scores the pool with the autoencoder in training mode. None of it is
    repeated. Ranking is by the logit, since the sigmoid saturates.

    Attributes:
        auxiliary: the two networks and how they are trained.
    """

    name: ClassVar[str] = "vaal"
    version: ClassVar[int] = 2

    # Not a default_factory: without a class attribute the inherited property would win.
    auxiliary: VaalSettings = VaalSettings()  # noqa: RUF009

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """Log-odds of being unlabeled, float64[n]."""
        return -required(pool.auxiliary, "auxiliary", self.name).astype(np.float64)
