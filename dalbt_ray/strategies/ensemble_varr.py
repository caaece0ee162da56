"""Ensembles with variation ratios: how many members dissent from the majority."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.options.ranges import AtLeastTwo
from dalbt_ray.pool import Floats, PoolView
from dalbt_ray.strategies.method import Needs, Ranked
from dalbt_ray.strategies.required import required


def variation_ratio(member_probabilities: Floats) -> NDArray[np.float64]:
    """1 - f_mode / m: the share of members outvoted by the modal class; float[n, m, c] -> float64[n]."""
    members, classes = member_probabilities.shape[1:]
    votes = member_probabilities.argmax(axis=2)
    counts = np.zeros((len(votes), classes), np.int64)
    for member in range(members):
        counts[np.arange(len(votes)), votes[:, member]] += 1
    ratios: NDArray[np.float64] = 1.0 - counts.max(axis=1) / members
    return ratios


@dataclass(frozen=True, kw_only=True)
class EnsembleVarR(Ranked):
    """Acquire the images on whose class the members of an ensemble disagree most.

    Beluch et al. 2018, "The Power of Ensembles for Active Learning in Image Classification": m networks of
    different initial weights, each trained on all labeled images. A share of m votes takes only m values, so
    most of a query is decided among ties; those are broken by the seed, where public versions take the
    order of the pool (acl21) or replace the votes by one network's confidence (DeepAL+).

    Attributes:
        members: networks in the ensemble; 5 as in the paper.
    """

    name: ClassVar[str] = "ensemble_varr"

    members: AtLeastTwo = 5

    @property
    def needs(self) -> Needs:
        """`members` independently trained networks."""
        return Needs(members=self.members)

    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """Variation ratio, float64[n], in [0, 1 - 1/min(m, c)]."""
        members = required(pool.member_probabilities, "member_probabilities", self.name)
        return variation_ratio(members)
