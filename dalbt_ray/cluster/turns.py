"""Which trials one worker runs one after the other: starting a trial under Tune costs about a second. Pure."""

from collections.abc import Iterable, Sequence

from dalbt_ray.cluster.preflight import Share
from dalbt_ray.config import Trial

TURNS_PER_WORKER = 4
"""At least so many turns for every place, so that no worker is left alone with the last long one."""


def turns_of(
    indices: Iterable[int], trials: Sequence[Trial], shares: Sequence[Share], at_once: int
) -> tuple[tuple[int, ...], ...]:
    """Every index in one turn: alone, or with others that are as short, of the same images and share.

    Args:
        indices: of the trials to run.
        trials: all of the sweep.
        shares: what each of them holds.
        at_once: trials that run at the same time.
    """
    kinds: dict[object, list[int]] = {}
    turns: list[tuple[int, ...]] = []
    for index in indices:
        trial, share = trials[index], shares[index]
        if trial.encoder.trials_in_a_row == 1 or share.workers > 1:
            turns.append((index,))
        else:
            kinds.setdefault((trial.image_key, share, trial.encoder.trials_in_a_row), []).append(index)
    for same in kinds.values():
        fair = -(-len(same) // (TURNS_PER_WORKER * at_once))
        size = max(1, min(trials[same[0]].encoder.trials_in_a_row, fair))
        turns += [tuple(same[first : first + size]) for first in range(0, len(same), size)]
    return tuple(turns)
