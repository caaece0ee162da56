"""How long nothing may be heard of a running trial before that is said, and before its process is ended. Pure.

A worker tells every 20 seconds that it is between two steps. One that says nothing is in a long step, such as a
selection over a large pool, or it hangs: stopped, or in native code that holds the interpreter's lock. Its own timer
cannot run then, so the driver counts.
"""

from dataclasses import dataclass
from typing import Literal

from dalbt_ray.cluster.preflight import Share
from dalbt_ray.config import Trial
from dalbt_ray.trial.nominal import nominal_seconds

ANNOUNCE_S = 45.0
LEAST_S = 900.0
TIMES_NOMINAL = 3.0
"""Nothing that a trial does in one piece takes longer than all of it takes on one core, and some."""

UNKNOWN_S = 4 * 3600.0
"""The limit where nobody has timed the encoder."""

Verdict = Literal["fine", "announce", "give_up"]


@dataclass
class Silence:
    """Of one trial; `heard` whenever a word of it comes.

    Attributes:
        limit_s: seconds of silence after which it is given up.
        since: when it was last heard, on the clock of `observe`.
    """

    limit_s: float
    since: float
    _announced: float = 0.0

    def heard(self, now: float) -> None:
        """A word has come."""
        self.since, self._announced = now, 0.0

    def observe(self, now: float) -> Verdict:
        """What to do; announced first after `ANNOUNCE_S`, then each time the silence has doubled."""
        waited = now - self.since
        if waited >= self.limit_s:
            return "give_up"
        if waited >= max(ANNOUNCE_S, 2 * self._announced):
            self._announced = waited
            return "announce"
        return "fine"


def silence_limit_s(trial: Trial, share: Share, wait_at_most_s: float) -> float:
    """Seconds of silence that `trial` is allowed: three times its nominal cost, a quarter of an hour at least.

    A trial of several workers is silent while it waits for its places, and tells of rounds only.
    """
    nominal = nominal_seconds(trial)
    limit = UNKNOWN_S if nominal is None else max(LEAST_S, TIMES_NOMINAL * nominal)
    return limit if share.workers == 1 else limit + wait_at_most_s
