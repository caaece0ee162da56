"""A network with a variational bottleneck and a decoder, as DAL-OSR trains it."""

from dataclasses import dataclass
from typing import ClassVar

from dalbt_ray.auxiliary.osr_decoder import DalOsrSettings
from dalbt_ray.learners.learner import Learner, Makeup
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class Variational(Learner):
    """The encoder yields a law of the latent, and a decoder rebuilds the image from a sample of it.

    Attributes:
        auxiliary: the decoder and the weights of the two terms, as `dal_osr` has them.
    """

    name: ClassVar[str] = "variational"
    auxiliary: DalOsrSettings = DalOsrSettings()  # noqa: RUF009 - frozen

    def makeup(self, network: NetworkSettings, strategy: Method) -> Makeup:  # noqa: ARG002
        """The network with both."""
        return Makeup(network=network, variational=True, auxiliary=self.auxiliary)
