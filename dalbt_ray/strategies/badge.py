"""BADGE: images whose gradients are large and point in different directions."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import Floats, PoolView
from dalbt_ray.strategies.geometry import row_blocks
from dalbt_ray.strategies.method import Method

_PROPOSALS = 64  # drawn at once from weights that are only brought up to date between draws


@dataclass(frozen=True, kw_only=True)
class Badge(Method):
    """k-means++ seeding on gradient embeddings (Ash et al. 2020, algorithm 1).

    The embedding of an image is the gradient of the cross-entropy in the last layer's weights if the
    predicted class were its label: the outer product of (p - onehot(argmax p)) and the features. The first
    pick has the largest gradient, as in the authors' code (k-means++ itself starts uniformly); each further one is
    drawn with probability proportional to the squared distance to its nearest pick, in float32. Where all
    distances are zero (duplicates, or a softmax that is exactly one-hot), the rest is drawn uniformly.

    scikit-activeml up to 1.0.0 keeps a center at the origin and returns duplicates; DeepAL+ stops in a
    debugger where all distances are zero.
    """

    name: ClassVar[str] = "badge"

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """k-means++ over the candidates; images that are labeled already play no part."""
        gradients = Gradients.of(pool.probabilities[candidates], pool.features[candidates])
        longest = np.flatnonzero(gradients.squared_lengths == gradients.squared_lengths.max())
        return candidates[seed_centers(gradients, budget, rng, first=int(rng.choice(longest)))]


@dataclass(frozen=True)
class Gradients:
    """Outer products a_i b_i of n images, never formed: inner products are (a_i . a_j) (b_i . b_j).

    Attributes:
        errors: float32[n, c], p - onehot(argmax p).
        features: float32[n, d].
        squared_lengths: float32[n], |a_i|^2 |b_i|^2.
    """

    errors: NDArray[np.float32]
    features: NDArray[np.float32]
    squared_lengths: NDArray[np.float32]

    @classmethod
    def of(cls, probabilities: Floats, features: Floats) -> Self:
        """Gradients at float[n, c] and float[n, d], in units of the largest feature (float32's range)."""
        errors = probabilities.astype(np.float32)
        errors[np.arange(len(errors)), probabilities.argmax(axis=1)] -= 1.0
        scale = np.abs(features).max(initial=0.0)
        scaled = (features / (scale if scale > 0 else 1.0)).astype(np.float32, copy=False)
        squared_lengths = np.einsum("nc,nc->n", errors, errors) * np.einsum("nd,nd->n", scaled, scaled)
        return cls(errors=errors, features=scaled, squared_lengths=squared_lengths)

    def squared_distances(
        self, rows: NDArray[np.int64] | slice, others: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """|g_i - g_j|^2, float32[r, o], of two selections of images; what is only rounding counts as zero."""
        products = self.errors[rows] @ self.errors[others].T
        products *= self.features[rows] @ self.features[others].T
        products *= -2.0
        total = self.squared_lengths[rows][:, None] + self.squared_lengths[others][None, :]
        products += total
        total *= 16 * np.finfo(np.float32).eps
        products[products < total] = 0.0
        return products


def seed_centers(
    gradients: Gradients, budget: int, rng: np.random.Generator, *, first: int
) -> NDArray[np.int64]:
    """k-means++ (Arthur and Vassilvitskii 2007) by rejection: rows in the order of drawing from `first` on.

    A batch of proposals comes from the squared distances of some draws ago. These are upper bounds of the
    present ones, so a proposal that is accepted with probability present / past follows the present law
    exactly. Then one matrix product brings all distances up to date. The first proposal of a batch is always
    accepted.
    """
    n = len(gradients.squared_lengths)
    picks = [first]
    weights = np.full(n, np.inf, np.float32)
    fresh = picks
    while len(picks) < budget:
        for rows in row_blocks(n):
            distances = gradients.squared_distances(rows, np.array(fresh))
            weights[rows] = np.minimum(weights[rows], distances.min(axis=1))
        weights[fresh] = 0.0
        law = np.cumsum(weights, dtype=np.float64)
        if law[-1] == 0:
            rest = np.setdiff1d(np.arange(n), picks)
            picks += rng.choice(rest, budget - len(picks), replace=False).tolist()
            break
        proposals = np.searchsorted(law, rng.random(_PROPOSALS) * law[-1], side="right")
        between = gradients.squared_distances(proposals, proposals)
        present, thresholds = weights[proposals], rng.random(_PROPOSALS) * weights[proposals]
        fresh = []
        for index, row in enumerate(proposals.tolist()):
            if thresholds[index] < present[index] and len(picks) + len(fresh) < budget:
                fresh.append(row)
                present = np.minimum(present, between[index])
        picks += fresh
    return np.array(picks, np.int64)
