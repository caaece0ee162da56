"""Power acquisition: scores with Gumbel noise, the same as a weighted draw without replacement."""

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.strategies.method import top


def power_draw(
    scores: NDArray[np.float64],
    candidates: NDArray[np.int64],
    budget: int,
    power: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """`budget` distinct candidates, each next one drawn with probability proportional to score^power.

    The highest values of power * log(score) + Gumbel noise are such a draw (Kool et al. 2019; Kirsch et al.
    2023). Images of score 0 come last, in an order that the seed decides.

    Args:
        scores: float64[n], at least 0.
        candidates: int64[m], rows that may be drawn.
        budget: 1 to m.
        power: above 0.
        rng: source of the noise.
    """
    noisy = np.full(len(scores), -np.inf)
    possible = candidates[scores[candidates] > 0]
    noisy[possible] = power * np.log(scores[possible]) + rng.gumbel(size=len(possible))
    return top(noisy, candidates, budget, rng)
