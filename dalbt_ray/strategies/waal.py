"""Wasserstein adversarial active learning: uncertain images that lie far from what is labeled."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.auxiliary.wasserstein_critic import WaalSettings
from dalbt_ray.options.ranges import NotNegative
from dalbt_ray.pool import Floats, PoolView
from dalbt_ray.strategies.method import Ranked
from dalbt_ray.strategies.required import required

# log of it is -708: a probability that underflowed to 0 counts as this one, not as minus infinity.
_LEAST = np.finfo(np.float64).tiny


def uncertainty_bound(probabilities: Floats) -> NDArray[np.float64]:
    """(|log p|_2 + |log p|_1) / 2 of each image, float64[n] from float[n, c]; least where p is uniform."""
    logs = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    bound: NDArray[np.float64] = 0.5 * np.linalg.norm(logs, axis=1) - 0.5 * logs.sum(axis=1)
    return bound


@dataclass(frozen=True, kw_only=True)
class WAAL(Ranked):
    """Acquire the images with the lowest uncertainty bound minus `selection` times the critic's value.

    Shui, Zhou, Gagné and Wang 2020, "Deep Active Learning: Unified and Principled Method for Query and
    Training". The classifier's features are trained to look alike for labeled and unlabeled images, under a
    critic of slope 1; the critic is then large where an image still looks unlabeled.

    Attributes:
        selection: weight of the critic against the uncertainty; 10 in the authors' code.
        auxiliary: the critic and its part in training.
    """

    name: ClassVar[str] = "waal"
    version: ClassVar[int] = 2

    selection: NotNegative = 10.0
    # Not a default_factory: without a class attribute the inherited property would win.
    auxiliary: WaalSettings = WaalSettings()  # noqa: RUF009

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """Minus the authors' score, float64[n]."""
        critic = required(pool.auxiliary, "auxiliary", self.name)
        return self.selection * critic - uncertainty_bound(pool.probabilities)
