"""A small network that rises in all its inputs and learns an order from pairs: what MQ-Net ranks by."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # Adam's


@dataclass(frozen=True)
class MetaNetwork:
    """One hidden layer of sigmoids; weights below zero, biases apart, count as zero.

    Attributes:
        parameters: float64[4, units]: weights of both inputs, biases, weights of the output.
    """

    parameters: NDArray[np.float64]

    @classmethod
    def untaught(cls, units: int) -> Self:
        """Uniform in 0..1, the same numbers every time."""
        generator = torch.Generator().manual_seed(0)
        sizes = ((2, units), (1, units), (1, units))
        into, out, bias = (torch.rand(*size, generator=generator, dtype=torch.float64) for size in sizes)
        return cls(torch.cat([into, bias, out]).numpy())

    @property
    def weights(self) -> NDArray[np.float64]:
        """float64[4, units], as they are used."""
        weights = np.maximum(self.parameters, 0.0)
        weights[2] = self.parameters[2]
        return weights

    def value(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[k] of float64[k, 2]."""
        *into, bias, out = self.weights
        return np.asarray(expit(inputs @ np.stack(into) + bias) @ out)


def meta_network(
    inputs: NDArray[np.float64],
    worth: NDArray[np.float64],
    *,
    units: int,
    steps: int,
    learning_rate: float,
    margin: float,
) -> MetaNetwork:
    """A network that orders images as their worth does, by hinges on pairs. The same bits for the same arrays.

    Its gradient is written out: with torch's the thousand steps on a hundred numbers take ten times as long.

    Args:
        inputs: float64[b, 2].
        worth: float64[b]; pairs of equal worth teach nothing.
        units: of the hidden layer.
        steps: of Adam, each on b random pairs.
        learning_rate: of Adam.
        margin: by which the better of a pair is to lead.
    """
    network, generator = MetaNetwork.untaught(units), torch.Generator().manual_seed(1)
    count = len(worth)
    x = np.column_stack([inputs, np.ones(count)])
    means, squares = np.zeros_like(network.parameters), np.zeros_like(network.parameters)
    for step in range(1, steps + 1):
        other = torch.randperm(count, generator=generator).numpy()
        weights = network.weights
        hidden = expit(x @ weights[:3])
        value = hidden @ weights[3]
        ahead = np.sign(worth - worth[other])
        pull = np.where(ahead * (value - value[other]) < margin, ahead, 0.0) / count
        error = -pull  # of the mean hinge, in each value
        error[other] += pull
        before_sigmoid = error[:, None] * weights[3] * hidden * (1 - hidden)
        gradient = np.vstack([x.T @ before_sigmoid, error @ hidden])
        gradient[[0, 1, 3]] *= network.parameters[[0, 1, 3]] > 0
        means += (1 - _BETA_1) * (gradient - means)
        squares += (1 - _BETA_2) * (gradient**2 - squares)
        spread = np.sqrt(squares / (1 - _BETA_2**step)) + _EPSILON
        change = learning_rate / (1 - _BETA_1**step) * means / spread
        network = MetaNetwork(network.parameters - change)
    return network
