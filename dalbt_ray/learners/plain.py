"""One network as the trial says: its encoder, a linear classifier, nothing else."""

from dataclasses import dataclass
from typing import ClassVar

from dalbt_ray.learners.learner import Learner, Makeup
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class Plain(Learner):
    """The trial's network and nothing more; a strategy that needs more is refused."""

    name: ClassVar[str] = "plain"

    def makeup(self, network: NetworkSettings, strategy: Method) -> Makeup:  # noqa: ARG002
        """The network."""
        return Makeup(network=network)
