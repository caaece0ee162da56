"""BatchBALD: mutual information of a whole query with the network, so that no image repeats another."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from dalbt_ray.options.ranges import AtLeastTwo, Count
from dalbt_ray.options.value import changed_default
from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.dropout_passes import DropoutPasses
from dalbt_ray.strategies.gaussian_information import greedy_gaussian
from dalbt_ray.strategies.information import mutual_information, pass_entropies

# Candidates whose bound is refreshed first (then twice as many, and so on), and the float32 values of the
# largest temporary: two of them live at once, 8 MB in all, which stays in a core's share of the cache better
# than more.
_BLOCK = 32
_TEMPORARY = 1_000_000
# Label configurations that are dropped take at most this probability with them at every pick.
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class Joint:
    """The joint law of the labels of the images picked so far, as weighted configurations of those labels.

    Attributes:
        weights: float64[m], probability of each configuration; sums to 1.
        posterior: float32[m, t], probability of each dropout mask given the configuration; rows sum to 1.
    """

    weights: torch.Tensor
    posterior: torch.Tensor

    @classmethod
    def empty(cls, masks: int) -> "Joint":
        """Before the first pick: one empty configuration, every mask equally likely."""
        return cls(torch.ones(1, dtype=torch.float64), torch.full((1, masks), 1 / masks))

    def gains(self, passes: torch.Tensor, entropies: torch.Tensor) -> torch.Tensor:
        """What one more label would add to the mutual information, float64[k] nats, for each of k images.

        The chain rule gives I(y_1..y_m, y; w) - I(y_1..y_m; w) = H(y | y_1..y_m) - E_w H(y | w), and the
        first term is the entropy of the predictive law under each configuration's posterior, averaged over
        configurations. That is the same as the difference of joint entropies in the BatchBALD paper (eq. 8
        and 9), without its cancellation.

        Args:
            passes: float32[k, t, c].
            entropies: float64[k, t], H(p_t).
        """
        count, masks, classes = passes.shape
        columns = passes.permute(1, 0, 2).reshape(masks, count * classes)
        result = torch.zeros(count * classes, dtype=torch.float64)
        step = max(1, _TEMPORARY // (count * classes))
        for start in range(0, len(self.weights), step):
            part = slice(start, start + step)
            predictive = self.posterior[part] @ columns
            # p log p by hand: a third of the time of torch.special.entr, and 0 where p underflows.
            terms = predictive.clamp_min(torch.finfo(torch.float32).tiny).log_().mul_(predictive)
            result -= self.weights[part].float() @ terms
        # The masks' weights under the kept configurations, not 1/t: drawn configurations lean a little towards
        # some masks, and the difference of two entropies under different weights would not go to zero.
        masks_kept = self.weights @ self.posterior.double()
        return result.view(count, classes).sum(1) - entropies @ masks_kept

    def add(self, passes: torch.Tensor, limit: int, rng: np.random.Generator) -> "Joint":
        """The joint law with one more image; exact up to `limit` configurations, then that many drawn.

        Drawing is stratified: one uniform number in each of `limit` equal shares of the probability. One
        number for all shares would give every configuration of equal weight the same next label.

        Args:
            passes: float32[t, c], the new image's passes.
            limit: configurations to keep at most.
            rng: source of the draw.
        """
        likelihood = (self.posterior[:, None, :] * passes.T[None]).reshape(-1, passes.shape[0])
        evidence = likelihood.sum(1)
        weights = self.weights.repeat_interleave(passes.shape[1]) * evidence
        alive = weights > _NEGLIGIBLE / len(weights)
        likelihood, evidence, weights = likelihood[alive], evidence[alive], weights[alive]
        if len(weights) > limit:
            edges = torch.cumsum(weights / weights.sum(), 0) * limit
            points = torch.arange(limit) + torch.from_numpy(rng.random(limit))
            places = torch.searchsorted(edges, points).clamp_(max=len(weights) - 1)
            drawn = torch.bincount(places, minlength=len(weights))
            alive = drawn > 0
            likelihood, evidence, weights = likelihood[alive], evidence[alive], drawn[alive].double()
        return Joint(weights / weights.sum(), likelihood / evidence[:, None])


@dataclass(frozen=True, kw_only=True)
class BatchBALD(DropoutPasses):
    """Acquire greedily the images whose labels *together* tell most about the network.

    Kirsch, van Amersfoort and Gal 2019, "BatchBALD", algorithm 1. What is exact and what is not:

    - Up to `joint_size` picks: the paper's joint law of labels. It is exact while it has at most `configurations`
      label configurations (four picks of ten classes at the default; more where the network is sure, since
      configurations of total probability below 1e-9 are dropped). After that it is estimated from that many sampled
      configurations, as in the paper's section 3.3; `batchbald_redux` does the same, with independent instead of
      stratified draws. T masks can tell at most log T nats (5.3 for 200), so this law saturates after some ten picks
      and every further gain is noise, whatever the image. The paper stops at batches of 10 (40 in one experiment).
    - Above it: the greedy of a Gaussian approximation that does not saturate, from the first pick on
      (`gaussian_information`). On 10,000 MNIST images after 100 labels, with 800 masks that took no part in the
      choice, its picks carry more information than BALD's, by that approximation: +2 % at 100 picks, +0.3 % at 1,000,
      +0.2 % at 2,500 (`benchmarks/batch_bald.py`). So at 1,000 and more, of a pool of this size, it is BALD for most
      practical purposes; with 20 masks it was below BALD. Nothing above ten picks that uses the masks' own joint law
      did better: independent random parts of the pool, the way of earlier versions, stayed 1 to 3 % below BALD.

    Both greedy steps are lazy (Minoux 1978): the gain of an image can only fall as others are picked (the paper's
    appendix A: submodular), so a gain computed earlier is an upper bound, and an image is looked at again only when
    its bound could win. A budget of 1 is BALD.

    Gains are computed in float32 (error about 1e-6 nats). Memory beyond the pool's own: a few times
    `configurations` x classes x T, or the passes of the images that were looked at.

    Attributes:
        samples: passes per image with masks shared by all images. Of the first ten picks of 10,000 MNIST images two
            disjoint sets of 50, 100, 200, 400 masks share 3.3, 5.0, 5.8, 8.0. The paper takes 100 for its larger
            batches, its MNIST baseline 20.
        configurations: label configurations kept; the paper samples 10,000 to 40,000.
        joint_size: picks up to which the paper's joint law is used: four are exact at ten classes. Set it to the
            budget for the paper's algorithm; at ten picks the information is about the same by annealed importance
            sampling, [10.6, 12.2] against [10.6, 11.9] nats, but two sets of 200 or 400 masks share only 4.7 or 4.3
            of ten picks, as the last of them are told from others by noise.
    """

    name: ClassVar[str] = "batch_bald"
    version: ClassVar[int] = 2

    samples: AtLeastTwo = changed_default(200, introduced=20)  # noqa: RUF009
    configurations: Count = 10_000
    joint_size: Count = changed_default(4, introduced=10)  # noqa: RUF009

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """BALD in nats, float64[n]: an image's gain when nothing has been picked."""
        return mutual_information(self.passes(pool))

    def pick_ranked(
        self,
        pool: PoolView,
        ranking: NDArray[np.float64],
        candidates: NDArray[np.int64],
        budget: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Greedy picks in picking order."""
        shuffled = rng.permutation(candidates)  # settles ties
        passes = self.passes(pool)
        if budget <= self.joint_size:
            return shuffled[greedy(passes[shuffled], budget, self.configurations, rng)[0]]
        return greedy_gaussian(passes, ranking, shuffled, budget)


def greedy(
    passes: NDArray[np.floating], budget: int, configurations: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], list[float]]:
    """Lazy greedy maximization of the joint mutual information.

    Args:
        passes: float[k, t, c], in an order that settles ties.
        budget: images to pick, at most k.
        configurations: label configurations to keep.
        rng: source of the sampled configurations.

    Returns:
        int64[budget] positions in picking order, and the gain of each in nats.
    """
    values = torch.tensor(passes, dtype=torch.float32)
    entropies = torch.from_numpy(pass_entropies(passes))
    joint = Joint.empty(passes.shape[1])
    bounds = torch.from_numpy(mutual_information(passes))
    fresh = torch.ones(len(bounds), dtype=torch.bool)  # bounds that are gains under the present joint law
    order: list[int] = []
    gains: list[float] = []
    block_size = _BLOCK
    while True:
        best = int(bounds.argmax())
        if fresh[best]:
            order.append(best)
            gains.append(float(bounds[best]))
            if len(order) == budget:
                return np.array(order, np.int64), gains
            joint = joint.add(values[best], configurations, rng)
            bounds[best] = -torch.inf
            fresh.fill_(False)
            block_size = _BLOCK
            continue
        stale = bounds.masked_fill(fresh, -torch.inf)
        block = stale.topk(min(block_size, len(stale))).indices
        block = block[torch.isfinite(stale[block])]
        bounds[block] = joint.gains(values[block], entropies[block])
        fresh[block] = True
        block_size = min(2 * block_size, 1024)
