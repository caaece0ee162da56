"""A network with dropout, as MC-Dropout, DBAL and BatchBALD train it."""

from dataclasses import dataclass, replace
from typing import ClassVar

from dalbt_ray.learners.learner import Learner, Makeup
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.options.ranges import Inside
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class WithDropout(Learner):
    """The trial's network with dropout where the encoder puts it; predictions are made without.

    Attributes:
        probability: of dropping; a strategy that needs dropout passes must have the same one.
    """

    name: ClassVar[str] = "dropout"
    probability: Inside = 0.5

    def makeup(self, network: NetworkSettings, strategy: Method) -> Makeup:  # noqa: ARG002
        """The network with dropout."""
        return Makeup(network=replace(network, dropout=self.probability))
