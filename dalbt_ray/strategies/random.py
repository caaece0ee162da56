"""Uniform sampling: the baseline that every method has to beat."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.strategies.method import Method, Needs


@dataclass(frozen=True, kw_only=True)
class Random(Method):
    """`budget` rows drawn uniformly without replacement, from the generator that is passed in.

    The `acl21` toolkit reseeds a global generator at every query and so couples selection with training; here
    the stream is the trial's own.
    """

    name: ClassVar[str] = "random"
    cold_start: ClassVar[bool] = True

    @property
    def needs(self) -> Needs:
        """No scores."""
        return Needs(scores=False)

    def pick(
        self,
        pool: PoolView,  # noqa: ARG002
        candidates: NDArray[np.int64],
        budget: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """A uniform draw; nothing of `pool` is looked at."""
        return rng.choice(candidates, size=budget, replace=False)
