"""The weights of the epoch that did best on the validation images, and the patience that ends a training early."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from dalbt_ray.models.network import Network


class BestEpoch:
    """Watches one network while it is trained.

    Args:
        network: in training mode between epochs.
        validation_accuracy: of the network as it is, in evaluation mode.
        patience: epochs in a row without a better one after which `epoch_ended` says so; 0 for never.
    """

    def __init__(self, network: Network, validation_accuracy: Callable[[], float], patience: int) -> None:
        self.network, self.validation_accuracy, self.patience = network, validation_accuracy, patience
        self._accuracy, self._since = -1.0, 0
        self._weights: dict[str, Any] = {}

    def epoch_ended(self) -> bool:
        """Measure the network; whether patience has run out."""
        self.network.eval()
        accuracy = self.validation_accuracy()
        self.network.train()
        self._since += 1
        if accuracy > self._accuracy:
            self._accuracy, self._weights, self._since = accuracy, deepcopy(self.network.state_dict()), 0
        return self._since == self.patience > 0

    def restore(self) -> None:
        """Give the network the weights of its best epoch."""
        self.network.load_state_dict(self._weights)
