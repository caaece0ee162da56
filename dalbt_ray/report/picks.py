"""The `selections` frame as small arrays per trial: what overlap, balance and checks work on."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picks:
    """What one trial acquired, in the order of its queries.

    Attributes:
        rounds: int64[n], the round that first trains on the image.
        images: int64[n], a number per image; an own and an OOD image never share one.
        is_ood: bool[n], ood.
        labels: int64[n], -1 for OOD images.
    """

    rounds: NDArray[np.int64]
    images: NDArray[np.int64]
    is_ood: NDArray[np.bool_]
    labels: NDArray[np.int64]

    def until(self, last_round: int) -> "Picks":
        """The queries that rounds up to `last_round` trained on."""
        keep = self.rounds <= last_round
        return Picks(self.rounds[keep], self.images[keep], self.is_ood[keep], self.labels[keep])


NOTHING = Picks(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_), np.empty(0, np.int64))


def acquired_by_trial(selections: pd.DataFrame, rounds: pd.DataFrame) -> dict[str, Picks]:
    """Queries of every trial of `rounds`, cut to what its committed rounds have trained on.

    A running trial has acquired for its next round already. OOD images of a trial come from one set, so a sample
    id and whether it is OOD name an image.

    Args:
        selections: the `selections` frame, millions of rows in a large sweep.
        rounds: the `rounds` frame.
    """
    codes, trials = pd.factorize(selections["trial_id"])
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(trials) + 1))
    round_, sample, is_ood, label = (
        selections[name].to_numpy()[order] for name in ("round", "sample_id", "is_ood", "label")
    )
    image = 2 * sample + is_ood
    last = rounds.groupby("trial_id")["round"].max()
    picks = {str(trial_id): NOTHING for trial_id in last.index}
    for i, trial_id in enumerate(trials):
        if trial_id in picks:
            here = slice(bounds[i], bounds[i + 1])
            all_picks = Picks(round_[here], image[here], is_ood[here], label[here])
            picks[str(trial_id)] = all_picks.until(int(last[trial_id]))
    return picks
