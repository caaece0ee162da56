"""How long a sweep has still to go: every round weighs what it costs, as measured here or as it was planned."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

_ALL = "\0all"
"""The kind that stands for all trials."""


@dataclass(frozen=True)
class Work:
    """What a trial will take, as far as anybody can tell beforehand.

    Attributes:
        kind: trials of one kind cost the same: they differ in their seed alone.
        rounds: cost of each round, round 0 first; any unit that is the same for all trials.
        done: rounds that are committed.
    """

    kind: str
    rounds: tuple[float, ...]
    done: int = 0


class TimeLeft:
    """Told what happens to trials; knows what is left. Pure: times are passed in, in seconds.

    A kind of trial takes what its rounds took so far for each unit of cost; one that nobody has seen yet, what all
    took. The sum is shared by as many trials as run at once, and no trial is faster than its own rounds.

    Args:
        trials: how many are to do.
        work: those of which something is known, by id; the others count as the mean of all that have begun.
    """

    def __init__(self, trials: int, work: Mapping[str, Work]) -> None:
        self._trials = trials
        self._kind = {key: each.kind for key, each in work.items()}
        self._left = {key: _suffix_sums(each.rounds) for key, each in work.items()}
        self._whole = {key: left[0] for key, left in self._left.items()}
        self._done = {key: each.done for key, each in work.items()}
        self._since: dict[str, float] = {}
        self._spent: dict[str, tuple[float, float]] = {}

    def started(self, key: str, rounds: int, now: float) -> None:
        """A trial begins; one that was not announced has `rounds` rounds that cost one unit each."""
        if key not in self._left:
            self._kind[key], self._left[key], self._done[key] = "", _suffix_sums((1.0,) * rounds), 0
            self._whole[key] = float(rounds)
        self._since[key] = now

    def committed(self, key: str, round_index: int, now: float) -> None:
        """A trial has committed a round; the time since its last one, or its start, was for it."""
        if key not in self._since:
            return
        left, next_round = self._left[key], round_index + 1
        cost = left[min(round_index, len(left) - 1)] - left[min(next_round, len(left) - 1)]
        for kind in {self._kind[key], _ALL}:
            seconds, units = self._spent.get(kind, (0.0, 0.0))
            self._spent[kind] = (seconds + now - self._since[key], units + cost)
        self._since[key], self._done[key] = now, next_round

    def ended(self, key: str) -> None:
        """A trial is over, for better or worse: what it will not do is not to go any more."""
        self._since.pop(key, None)
        if key not in self._left:
            self._trials -= 1
        else:
            self._left[key] = (0.0,)

    def seconds(self, now: float) -> float | None:
        """Seconds to go; None before the first round."""
        spent = dict(self._spent)
        if _ALL not in spent or spent[_ALL][1] <= 0:
            return None
        rates = {kind: seconds / units for kind, (seconds, units) in spent.items() if units > 0}
        running = dict(self._since)
        total = longest = 0.0
        for key, left in list(self._left.items()):
            rate = rates.get(self._kind[key], rates[_ALL])
            done = min(self._done[key], len(left) - 1)
            seconds = rate * left[done]
            if key in running and done + 1 < len(left):
                seconds -= min(now - running[key], rate * (left[done] - left[done + 1]))
            total, longest = total + seconds, max(longest, seconds)
        whole = list(self._whole.values())
        if whole:
            total += rates[_ALL] * (self._trials - len(whole)) * sum(whole) / len(whole)
        return max(longest, total / max(1, len(running)))


def _suffix_sums(rounds: tuple[float, ...]) -> tuple[float, ...]:
    """What is left before each round, and the zero after the last."""
    return tuple(reversed(tuple(accumulate(reversed(rounds), initial=0.0))))
