"""BAIT: the images that lower the classifier's expected loss over the pool most, by Fisher information."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import Count, Positive
from dalbt_ray.pool import Floats, PoolView
from dalbt_ray.strategies.candidate_sample import PER_PICK, covered_rows
from dalbt_ray.strategies.fisher import Classifications, Information
from dalbt_ray.strategies.method import Method


@dataclass(frozen=True, kw_only=True)
class Bait(Method):
    """Minimize tr((lambda I + sum of F(x) over labeled and picked x)^-1 F_pool), forward and backward.

    Ash, Goel, Krishnamurthy and Kakade 2021, "Gone Fishing: Neural Active Learning with Fisher Embeddings",
    algorithm 1.

    F(x) is the Fisher information of the last layer's weights at an image, its label expected under the network's own
    probabilities: (diag(p) - p p^T) (x) h h^T, of rank c - 1. F_pool is its mean over all images. The greedy goes
    forward to twice the wanted number of images, then backward: the image whose removal raises the objective least
    is removed, until the wanted number is left.

    Cost. The exact objective has matrices of (c d)^2 entries and every pick looks at every image, so three things bound
    it, each of them absent when its option is large enough:

    - features are projected on their `dimensions` principal directions (about the origin), d' of them;
    - candidates are a uniform sample of max(`sample`, 4 x picks) of the pool's images;
    - a budget above `joint_size` is spent in parts, one after the other, each with its own sample and its own
      forward and backward pass, on top of what the parts before it have picked.

    One pick or removal then takes about n (2 d' c^2 + 4 c^3) multiplications for n candidates (c classes), and a budget
    b takes 3 b of them; memory is 16 n c^2 bytes and a few times 8 (c d')^2. The time is in `benchmarks/selection.py`.

    Features are scaled to a mean square of 1, so that `prior` does not depend on their unit. The authors' code divides
    the labeled images' information by the budget against that of the picks, a different objective at each budget;
    here every image counts once, and the prior is that of a Laplace approximation of the last layer.

    Attributes:
        prior: lambda; 1 as in the authors' code.
        dimensions: d', of the projected features.
        sample: candidates of each part are a uniform sample of so many images, or of 4 x its picks if that is more.
        joint_size: picks that are optimized together.
    """

    name: ClassVar[str] = "bait"

    prior: Positive = 1.0
    dimensions: Count = 32
    sample: Count = 1_000
    joint_size: Count = 250

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Parts one after the other, each in the order of the forward pass."""
        images = Classifications.of(pool.probabilities, projected(pool.features, self.dimensions))
        present = np.concatenate([np.flatnonzero(pool.labeled), pool.unlabeled_rows])
        information = Information(
            images.total_information(covered_rows(pool, candidates)),
            images.total_information(present) / len(present),
            self.prior,
        )
        picks: list[NDArray[np.int64]] = []
        rest = rng.permutation(candidates)
        for share in np.array_split(np.arange(budget), -(-budget // self.joint_size)):
            drawn, spare = np.split(rest, [max(self.sample, PER_PICK * len(share))])
            chosen = information.forward_backward(images.rows(drawn), len(share))
            picks.append(drawn[chosen])
            rest = rng.permutation(np.concatenate([np.delete(drawn, chosen), spare]))
        return np.concatenate(picks)


def projected(features: Floats, dimensions: int) -> NDArray[np.float64]:
    """Features, float[n, d], on their strongest directions and with a mean square of 1: float64[n, min(d, dimensions)].

    About the origin, since F(x) is made of the features as they are. With `dimensions` of at least d they are only
    scaled, otherwise the directions are those of at most 16 d images, evenly spaced: of 45,000 x 1,280 features all
    images take 5 s of a core.
    """
    largest = float(np.abs(features).max(initial=0.0))
    largest = largest if largest > 0 else 1.0
    count, width = features.shape
    if dimensions < width:
        seen = features[:: max(1, count // (8 * width))].astype(np.float64) / largest
        _, directions = np.linalg.eigh(seen.T @ seen)  # ascending
        scaled = (features @ directions[:, -dimensions:].astype(features.dtype)).astype(np.float64) / largest
    else:
        scaled = features.astype(np.float64) / largest
    size = np.sqrt((scaled**2).mean())
    return np.asarray(scaled / (size if size > 0 else 1.0))
