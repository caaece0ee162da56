"""How good the head is on this pool, without bias: from the images that were drawn at random, and from nothing else.

The images that a strategy chose are harder than the pool, so what the head gets right among them says little. Of a
batch, the random share is a simple random sample of the images that had never been asked for (near copies of those
excepted); the head that had been trained before the batch predicted each of them, and the answers tell how many it had
right. The estimate is that fraction among the images of a class of the pool; the interval is the exact one of Clopper
and Pearson (1934), a little wide for sampling without replacement. Over several heads the sum of right answers varies
less than a binomial law of the mean accuracy (Hoeffding 1956), so the same interval holds for the mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import beta

from dalbt_ray.query.replies import Reply

LEVEL = 0.95
TOGETHER = 3
"""Batches whose heads are taken together."""


@dataclass(frozen=True)
class Estimate:
    """Accuracy of the head of one batch, or the mean over some.

    Attributes:
        batches: their numbers.
        labels: that the last one's head was trained on.
        right, of: random images of a class, and those that the head had predicted right.
        unanswered: random images without an answer: until they have one, the estimate is not unbiased.
    """

    batches: tuple[int, ...]
    labels: int
    right: int
    of: int
    unanswered: int

    @property
    def interval(self) -> tuple[float, float]:
        """Of 95 %."""
        return clopper_pearson(self.right, self.of)

    def __str__(self) -> str:
        low, high = self.interval
        which = (
            f"batch {self.batches[0]}"
            if len(self.batches) == 1
            else f"batches {self.batches[0]} to {self.batches[-1]}"
        )
        text = f"{self.right / self.of:.0%} ({low:.0%} to {high:.0%})" if self.of else "unknown"
        waits = (
            f"; {self.unanswered} of them wait for an answer, which may shift it" if self.unanswered else ""
        )
        return f"{text} with {self.labels} labels, from {self.of} random images of {which}{waits}"


def clopper_pearson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a binomial share; 0 to 1 without an observation."""
    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, right, of - right + 1)) if right else 0.0
    high = float(beta.ppf(1 - tail, right + 1, of - right)) if right < of else 1.0
    return low, high


def estimates(batches: Sequence[Mapping[str, Any]], replies: Sequence[Reply]) -> list[Estimate]:
    """One a batch whose random images had been predicted by a head.

    Args:
        batches: as `State.batches` gives them.
        replies: every answer.
    """
    answers = {reply.id: reply for reply in replies}
    found = []
    for batch in batches:
        predicted = {id_: batch["predicted"][id_] for id_ in batch["random"] if id_ in batch["predicted"]}
        own = [id_ for id_ in predicted if id_ in answers and answers[id_].is_class]
        if predicted:
            right = sum(predicted[id_] == answers[id_].label for id_ in own)
            unanswered = sum(id_ not in answers for id_ in predicted)
            found.append(Estimate((batch["number"],), batch["labels"], right, len(own), unanswered))
    return found


def together(found: Sequence[Estimate]) -> Estimate | None:
    """The mean accuracy of the last heads; None without one."""
    last = [each for each in found if each.of][-TOGETHER:]
    if not last:
        return None
    return Estimate(
        tuple(number for each in last for number in each.batches),
        last[-1].labels,
        sum(each.right for each in last),
        sum(each.of for each in last),
        sum(each.unanswered for each in last),
    )
