"""Discriminative active learning: acquire what a classifier is sure has not been labeled."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dalbt_ray.models.adam import Adam
from dalbt_ray.options.ranges import Count, Positive, ShareOf
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Method, top

# Rows that are scored at once: bounds the hidden layer's values to 16 MB.
_CHUNK = 16_384


@dataclass(frozen=True, kw_only=True)
class DAL(Method):
    """Make the labeled set indistinguishable from the pool: Gissin and Shalev-Shwartz 2019, algorithm 1.

    On the features of the trained network a small binary classifier learns to tell labeled from unlabeled
    images. The images it takes most surely for unlabeled are acquired; they count as labeled and a new
    classifier is trained, `sub_batches` times in all, so that a query does not repeat itself.

    As in the authors' code the unlabeled class is subsampled to ten times the labeled one, the labeled class
    is weighted up to the same total, the classifier has three layers of 256 units, and training goes on in whole
    epochs until 98 % accuracy, since a perfect classifier gives every image the same score. Here, besides: images are
    ranked by the logit, which does not saturate; all unlabeled images are candidates, not only the subsample;
    features are standardized, so that the classifier does not depend on their scale; and accuracy is weighted as
    the loss is, since 98 % of eleven images to one come without telling the labeled ones. Deterministic given
    `rng` and the number of torch threads.

    Attributes:
        sub_batches: classifiers trained per query; the authors take 10 to 20.
        hidden: width of the classifier's three hidden layers.
        learning_rate: Adam's. The authors take 1e-4 to 3e-4, with batches of 128 to 1,024.
        batch_size: images per step.
        max_epochs: passes over the labeled images and the subsample, per classifier, at most. The authors take 200
            to 1,000. With half of the classes of 6,000 Fashion-MNIST images absent from 100 labels, their setting for
            MNIST (learning rate 3e-4, batches of 1,024, 200 epochs) takes 69 % of a query of 50 from the absent half
            in 39 CPU-seconds, 10 epochs of the defaults here 72 % in 3 seconds, 50 epochs 70 %: longer training
            learns the labeled images as it is memorized.
        stop_accuracy: weighted training accuracy of an epoch at which training ends; 0.98 as the authors.
        unlabeled_ratio: unlabeled images per labeled one in the training set, at most; 10 as the authors.
    """

    name: ClassVar[str] = "dal"

    sub_batches: Count = 10
    hidden: Count = 256
    learning_rate: Positive = 1e-3
    batch_size: Count = 128
    max_epochs: Count = 20
    stop_accuracy: ShareOf = 0.98
    unlabeled_ratio: Count = 10

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Sub-batches one after the other, each ordered by the logit of being unlabeled."""
        features = _standardize(torch.tensor(pool.features, dtype=torch.float32))
        known, rest = np.flatnonzero(pool.labeled), candidates
        picked: list[NDArray[np.int64]] = []
        for share in np.array_split(np.arange(budget), min(self.sub_batches, budget)):
            # Without a label there is nothing to tell apart: the seed decides.
            nothing = np.zeros(len(features))
            logits = self.unlabeled_logits(features, known, rest, rng) if len(known) else nothing
            chosen = top(logits, rest, len(share), rng)
            picked.append(chosen)
            known, rest = np.concatenate([known, chosen]), np.setdiff1d(rest, chosen)
        return np.concatenate(picked)

    def unlabeled_logits(
        self,
        features: Tensor,
        known: NDArray[np.int64],
        rest: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Log-odds of being unlabeled under a classifier trained for it, float64[n].

        Args:
            features: float32[n, d], standardized.
            known: int64[m], rows that count as labeled, m >= 1.
            rest: int64[u], rows that count as unlabeled.
            rng: source of initial weights, subsample and batches.
        """
        sample = rng.choice(rest, min(len(rest), self.unlabeled_ratio * len(known)), replace=False)
        rows = torch.from_numpy(np.concatenate([known, sample]))
        targets = torch.cat([torch.zeros(len(known)), torch.ones(len(sample))])
        # Both classes weigh the same in total, and the mean weight is 1.
        shares = torch.tensor([len(targets) / (2 * len(known)), len(targets) / (2 * len(sample))])
        weights = shares[targets.long()]
        layers = _initial_weights([features.shape[1], self.hidden, self.hidden, self.hidden, 1], rng)
        optimizer = Adam([tensor for layer in layers for tensor in layer], learning_rate=self.learning_rate)
        batches = -(-len(targets) // self.batch_size)
        for _ in range(self.max_epochs):
            order = torch.from_numpy(rng.permutation(len(targets)))
            right = torch.zeros(())
            for batch in (order[first::batches] for first in range(batches)):
                logits = _forward(layers, features[rows[batch]])
                loss = torch.nn.functional.binary_cross_entropy_with_logits(
                    logits, targets[batch], weight=weights[batch]
                )
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                right += (weights[batch] * ((logits > 0) == (targets[batch] > 0))).sum()
            if float(right) >= self.stop_accuracy * len(targets):  # the weights sum to it
                break
        with torch.no_grad():
            scores = [_forward(layers, chunk) for chunk in torch.split(features, _CHUNK)]
        return torch.cat(scores).double().numpy()


def _standardize(features: Tensor) -> Tensor:
    centered = features - features.mean(dim=0)
    spread = torch.linalg.vector_norm(centered, dim=0) / len(features) ** 0.5
    return centered.div_(spread.where(spread > 0, 1.0))


def _initial_weights(widths: list[int], rng: np.random.Generator) -> list[tuple[Tensor, Tensor]]:
    """He-normal weights and zero biases, from `rng` rather than torch's global generator."""
    layers = []
    for fan_in, fan_out in pairwise(widths):
        weight = torch.from_numpy(rng.normal(0, (2 / fan_in) ** 0.5, (fan_out, fan_in)).astype(np.float32))
        layers.append((weight.requires_grad_(), torch.zeros(fan_out, requires_grad=True)))
    return layers


def _forward(layers: list[tuple[Tensor, Tensor]], inputs: Tensor) -> Tensor:
    """Logits float32[b] of a ReLU network, float32[b, d] in."""
    hidden = inputs
    for weight, bias in layers[:-1]:
        hidden = torch.relu(torch.nn.functional.linear(hidden, weight, bias))
    weight, bias = layers[-1]
    return torch.nn.functional.linear(hidden, weight, bias).squeeze(1)
