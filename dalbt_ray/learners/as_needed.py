"""The network as the trial says, with what its strategy needs: how every method trains in its own paper."""

from dataclasses import dataclass, replace
from typing import ClassVar

from dalbt_ray.learners.learner import Learner, Makeup
from dalbt_ray.models.encoder import Encoder
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class AsNeeded(Learner):
    """Whatever the strategy needs: dropout for `dbal`, members for `ensemble_varr`, a critic for `waal`, ...

    Strategies then differ in their learner too; a random with the learner of that name tells the two apart.
    """

    name: ClassVar[str] = "as_needed"

    def makeup(self, network: NetworkSettings, strategy: Method) -> Makeup:
        """The strategy's needs on the trial's network."""
        needs, auxiliary = strategy.needs, strategy.auxiliary
        return Makeup(
            network=replace(network, dropout=needs.dropout or network.dropout),
            members=needs.members,
            variational=needs.variational,
            auxiliary=auxiliary if auxiliary is not None and auxiliary.joins_loss else None,
        )

    def check_fits(self, network: NetworkSettings, strategy: Method, encoder: Encoder) -> None:
        """Nothing to refuse: it fits by itself."""
