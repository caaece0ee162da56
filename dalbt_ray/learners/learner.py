"""What a learner is: a frozen value that says what is trained in a round and predicts, whoever selects."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from dalbt_ray.auxiliary import AuxiliarySettings
from dalbt_ray.errors import InputError
from dalbt_ray.models.encoder import Encoder
from dalbt_ray.models.network import NetworkSettings
from dalbt_ray.options.value import Named
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class Makeup:
    """What a round trains on the encoder.

    Attributes:
        network: what stands on the encoder.
        members: networks that differ in weights and in the order of their images.
        averages: whether the members predict together, by the mean of their probabilities; otherwise the first one does
            and the others only vote.
        variational: the encoder yields a mean and a variance and the classifier trains on samples.
        auxiliary: networks whose loss joins the classifier's, if any.
    """

    network: NetworkSettings
    members: int = 1
    averages: bool = False
    variational: bool = False
    auxiliary: AuxiliarySettings | None = None

    @property
    def is_plain(self) -> bool:
        """Whether each network is an encoder and a classifier, without dropout, noise or other networks."""
        return not (self.network.dropout or self.variational or self.auxiliary)


class Learner(Named):
    """Base of all learners. A subclass is a frozen dataclass whose fields are its options.

    A learner that is named trains the same for every strategy, so that curves differ by what was selected alone. A
    strategy that needs something else is refused; networks of its own that leave the classifier alone (VAAL's) it may
    train beside any learner.
    """

    path: ClassVar[str] = "learner"

    @abstractmethod
    def makeup(self, network: NetworkSettings, strategy: Method) -> Makeup:
        """What is trained.

        Args:
            network: the trial's; a learner adds to it.
            strategy: who selects; only `as_needed` listens to it.
        """

    def check_fits(self, network: NetworkSettings, strategy: Method, encoder: Encoder) -> None:
        """Refuse what cannot go together.

        Raises:
            InputError: a strategy that needs another learner; an encoder whose head is solved, or whose features have
                lost the pixels that the learner rebuilds.
        """
        makeup, needs = self.makeup(network, strategy), strategy.needs
        wants_dropout = needs.dropout > 0 or needs.dropout_samples > 0
        for fits, what in (
            (not wants_dropout or needs.dropout == makeup.network.dropout, f"dropout {needs.dropout}"),
            (needs.members in (1, makeup.members), f"{needs.members} members"),
            (makeup.variational or not needs.variational, "a variational encoder"),
            (_serves(makeup.auxiliary, strategy.auxiliary), f"{strategy.auxiliary} in the loss"),
        ):
            if not fits:
                problem = f"does not train what the strategy {strategy.name} needs: {what}"
                remedy = "take the learner as_needed, or one that has it with the same options"
                raise InputError("learner", self.name, problem, remedy=remedy)
        if encoder.solver is not None and makeup != Makeup(network=network):
            problem = f"is more than a classifier, and the head of the encoder {encoder.name} is solved"
            raise InputError("learner", self.name, problem, remedy="take encoder.head=mlp, which is trained")
        if encoder.embedding is not None and makeup.auxiliary is not None and makeup.auxiliary.needs_pixels:
            problem = f"rebuilds pixels, and the encoder {encoder.name} leaves features only"
            raise InputError("learner", self.name, problem, remedy="take an encoder that is trained")


def _serves(trained: AuxiliarySettings | None, needed: AuxiliarySettings | None) -> bool:
    return needed is None or not needed.joins_loss or needed == trained
