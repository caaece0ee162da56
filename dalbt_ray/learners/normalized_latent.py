"""A network whose latent is normalized over the batch."""

from dataclasses import dataclass, replace
from typing import ClassVar

from dalbt_ray.learners.learner import Learner, Makeup
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class NormalizedLatent(Learner):
    """The trial's network with `latent_norm="batch"`: the latent's scale no longer depends on the initial weights."""

    name: ClassVar[str] = "normalized_latent"

    def makeup(self, network: NetworkSettings, strategy: Method) -> Makeup:  # noqa: ARG002
        """The network with that norm."""
        return Makeup(network=replace(network, latent_norm="batch"))
