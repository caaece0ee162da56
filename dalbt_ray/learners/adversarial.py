"""A network that a critic pulls towards equal features of labeled and unlabeled images, as WAAL trains it."""

from dataclasses import dataclass
from typing import ClassVar

from dalbt_ray.auxiliary.wasserstein_critic import WaalSettings
from dalbt_ray.learners.learner import Learner, Makeup
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class Adversarial(Learner):
    """The trial's network under a Wasserstein critic.

    Attributes:
        auxiliary: the critic and its part in training, as `waal` has them.
    """

    name: ClassVar[str] = "adversarial"
    auxiliary: WaalSettings = WaalSettings()  # noqa: RUF009 - frozen

    def makeup(self, network: NetworkSettings, strategy: Method) -> Makeup:  # noqa: ARG002
        """The network with its critic."""
        return Makeup(network=network, auxiliary=self.auxiliary)
