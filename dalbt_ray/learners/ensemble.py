"""Several networks that predict together."""

from dataclasses import dataclass
from typing import ClassVar

from dalbt_ray.learners.learner import Learner, Makeup
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.options.ranges import AtLeastTwo
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class Ensemble(Learner):
    """Networks of different initial weights that predict by their mean (Lakshminarayanan et al. 2017).

    That mean is what is measured and what strategies read as probabilities; features, and gradients built on them, are
    the first member's. Without this learner an ensemble strategy is measured by its first member.

    Attributes:
        members: networks; a strategy that counts their votes must want as many.
    """

    name: ClassVar[str] = "ensemble"
    members: AtLeastTwo = 5

    def makeup(self, network: NetworkSettings, strategy: Method) -> Makeup:  # noqa: ARG002
        """The network, `members` times."""
        return Makeup(network=network, members=self.members, averages=True)
