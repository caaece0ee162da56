"""Rank images batch by batch and keep the best: what a pool larger than memory needs. Pure, without Ray."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.strategies.class_tails import ClassTails
from dalbt_ray.trial.scoring import Scores


@dataclass(frozen=True)
class Best:
    """The highest-ranked images so far, best first; k images.

    Attributes:
        file: int64[k], index of the image's file.
        sample_id: int64[k], the image's id in that file.
        ranking: float64[k], higher is wanted more.
    """

    file: NDArray[np.int64]
    sample_id: NDArray[np.int64]
    ranking: NDArray[np.float64]

    @classmethod
    def nothing(cls) -> "Best":
        """No image yet: the neutral element of `merge_top`."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def merge_top(best: Best, more: Best, keep: int) -> Best:
    """The `keep` highest of both, best first.

    Equal rankings are ordered by file and id, so the result does not depend on the order in which parts arrive.
    """
    ranking = np.concatenate([best.ranking, more.ranking])
    file = np.concatenate([best.file, more.file])
    sample_id = np.concatenate([best.sample_id, more.sample_id])
    order = np.lexsort((sample_id, file, -ranking))[:keep]
    return Best(file[order], sample_id[order], ranking[order])


@dataclass(frozen=True)
class TailRanking:
    """DALBT's ranking under the laws of one round: the log hazard of the distance to the predicted class's mean.

    Attributes:
        tails: fitted to the labeled images.
    """

    tails: ClassTails

    def __call__(self, scores: Scores) -> NDArray[np.float64]:
        """float64[b] of a batch's scores."""
        return self.tails.log_hazard(scores.features, scores.probabilities.argmax(axis=1))
