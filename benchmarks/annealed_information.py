"""Bounds of what picks tell of all dropout masks, not of a sample of them: the check of `batch_bald.py`.

The joint information is E[log p(y | w) - log p(y)] over masks w and labels y drawn from them. log p(y) is estimated by
annealed importance sampling over the network's own masks (Neal 2001) in both directions (Grosse, Ghahramani and Adams
2015): upwards from the prior it is too low on average, so the information too high; downwards from w, an exact sample
of the posterior, the other way round. So both figures bound the information in expectation; the gap falls with the
number of temperatures.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from batch_bald import METHODS, SAMPLES, train, under_masks
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.models.network import Network
from dalbt_ray.models.pooling import max_pool

PICKS, CHAINS, TEMPERATURES = 10, 32, 300
FLIPPED = torch.tensor([0.02, 0.06, 0.2, 0.5])  # shares of a layer's mask that a proposal draws again
LAYERS = (0, 1, 2, 2, 2, 2)  # moved at each temperature; the last costs next to nothing

State = tuple[Tensor, Tensor, Tensor]


def main() -> None:
    """Bounds for each method's first picks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--data-root", type=Path, help="folder of the full sets; the embedded images without it"
    )
    parser.add_argument("--picks", type=int, default=PICKS)
    parser.add_argument("--chains", type=int, default=CHAINS)
    parser.add_argument("--temperatures", type=int, default=TEMPERATURES)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, stem, _ = train(arguments.data_root, 0)
    passes = under_masks(network, stem, SAMPLES, 1)
    for name, method in METHODS.items():
        picks = method(passes, arguments.picks, np.random.default_rng(0))
        low, high = bounds(network, stem[torch.from_numpy(picks)], arguments.chains, arguments.temperatures)
        shown = " and ".join(f"{x.mean():.2f} +- {x.std() / len(x) ** 0.5:.2f}" for x in (low, high))
        print(f"  {arguments.picks} picks  {name:<10} between {shown} nats", flush=True)


class Chains:
    """Masks, labels and log-likelihoods of independent chains; one mask for all images of a chain."""

    def __init__(self, network: Network, stem: Tensor, masks: State) -> None:
        self.encoder, self.stem, self.masks = network.encoder, stem, masks
        self.weight = network.classifier.weight @ network.latent.weight
        self.bias = network.classifier.weight @ network.latent.bias + network.classifier.bias
        self.maps, self.hidden = self._maps(masks[0]), torch.empty(0)
        self.hidden = self._hidden(self.maps, masks[1])

    def _maps(self, mask: Tensor) -> Tensor:
        x = (self.stem[None] * mask[:, None] * 2).flatten(0, 1)
        return torch.relu(max_pool(self.encoder.convolution_2(x))).reshape(len(mask), len(self.stem), -1)

    def _hidden(self, maps: Tensor, mask: Tensor) -> Tensor:
        return torch.relu(self.encoder.hidden(maps * mask[:, None] * 2))

    def log_probabilities(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """float[chains, images, c]."""
        return ((hidden * mask[:, None] * 2) @ self.weight.T + self.bias).log_softmax(2)

    def likelihood(self, hidden: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """Log p(labels | masks), float64[chains]."""
        chosen = self.log_probabilities(hidden, mask).gather(2, labels[..., None])
        return chosen[..., 0].double().sum(1)

    def move(self, layer: int, labels: Tensor, now: Tensor, heat: float, draw: torch.Generator) -> Tensor:
        """One Metropolis step on a layer's masks: part of each is drawn again from its prior. The new likelihood."""
        old = self.masks[layer]
        share = FLIPPED[torch.randint(len(FLIPPED), (len(old),), generator=draw)].view(
            -1, *[1] * (old.dim() - 1)
        )
        fresh = torch.empty_like(old).bernoulli_(0.5, generator=draw)
        new = torch.where(torch.rand(old.shape, generator=draw) < share, fresh, old)
        masks = (*self.masks[:layer], new, *self.masks[layer + 1 :])
        maps = self._maps(new) if layer == 0 else self.maps
        hidden = self._hidden(maps, masks[1]) if layer < 2 else self.hidden
        then = self.likelihood(hidden, masks[2], labels)
        taken = torch.rand(len(old), generator=draw).double().log() < heat * (then - now)

        def merged(after: Tensor, before: Tensor) -> Tensor:
            return torch.where(taken.view(-1, *[1] * (after.dim() - 1)), after, before)

        self.masks = (
            merged(masks[0], self.masks[0]),
            merged(masks[1], self.masks[1]),
            merged(masks[2], self.masks[2]),
        )
        self.maps, self.hidden = merged(maps, self.maps), merged(hidden, self.hidden)
        return merged(then, now)


@torch.inference_mode()
def bounds(
    network: Network, stem: Tensor, count: int, temperatures: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper values of the information, float64[count] each; their means are the bounds."""
    draw = torch.Generator().manual_seed(0)

    def masks() -> State:
        encoder = network.encoder
        layers = (encoder.dropout_1, encoder.dropout_2, encoder.dropout_3)
        first, second, third = (
            torch.empty(count, *layer.shape).bernoulli_(0.5, generator=draw) for layer in layers
        )
        return first, second.flatten(1), third

    truth = Chains(network, stem, masks())
    probabilities = truth.log_probabilities(truth.hidden, truth.masks[2]).exp()
    labels = probabilities.flatten(0, 1).multinomial(1, generator=draw).view(count, -1)
    heats = (np.arange(temperatures + 1) / temperatures) ** 2.5
    given = truth.likelihood(truth.hidden, truth.masks[2], labels)
    steps = list(pairwise(heats))
    up = anneal(Chains(network, stem, masks()), labels, steps, heats[1:], draw)
    down = anneal(truth, labels, steps[::-1], heats[:-1][::-1], draw)
    return (given - down).numpy(), (given - up).numpy()


def anneal(
    chains: Chains,
    labels: Tensor,
    steps: list[tuple[float, float]],
    heats: NDArray[np.float64],
    draw: torch.Generator,
) -> Tensor:
    """Log of the importance weight of each chain, float64[chains]: weigh a step, then move at its far end."""
    weight = torch.zeros(len(labels), dtype=torch.float64)
    now = chains.likelihood(chains.hidden, chains.masks[2], labels)
    for (low, high), heat in zip(steps, heats, strict=True):
        weight += (high - low) * now
        for layer in LAYERS:
            now = chains.move(layer, labels, now, float(heat), draw)
    return weight


if __name__ == "__main__":
    main()
