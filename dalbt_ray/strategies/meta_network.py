"""A small network that rises in all its inputs and learns an order from pairs: what MQ-Net ranks by."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class MetaNetwork(nn.Module):
    """float64[k, 2] to float64[k]: one hidden layer of sigmoids, weights that are never negative."""

    def __init__(self, units: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)

        def uniform(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.rand(*shape, generator=generator, dtype=torch.float64))

        self.into, self.out, self.bias = uniform(2, units), uniform(units), uniform(units)

    def forward(self, inputs: Tensor) -> Tensor:
        """The value of each row."""
        return torch.sigmoid(inputs @ self.into.relu() + self.bias) @ self.out.relu()

    @torch.no_grad()
    def value(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same, float64[k]."""
        return np.asarray(self(torch.from_numpy(inputs)))


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

    Args:
        inputs: float64[b, 2].
        worth: float64[b]; pairs of equal worth teach nothing.
        units: of the hidden layer.
        steps: of Adam, each on b random pairs.
        learning_rate: of Adam.
        margin: by which the better of a pair is to lead.
    """
    network = MetaNetwork(units)
    adam = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    generator = torch.Generator().manual_seed(1)
    x, target = torch.from_numpy(inputs), torch.from_numpy(worth)
    for _ in range(steps):
        other = torch.randperm(len(target), generator=generator)
        value = network(x)
        ahead = (target - target[other]).sign()
        loss = (ahead.abs() * (margin - ahead * (value - value[other]))).relu().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return network
