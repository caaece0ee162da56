"""Choose the next batch: a random share that measures, then what the strategy wants, and no picture twice."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.pool import PoolView
from dalbt_ray.query.known_images import Answered, KnownImages
from dalbt_ray.query.near_copies import near, unit, without_copies
from dalbt_ray.query.trained_head import TrainedHead
from dalbt_ray.seeding import generator
from dalbt_ray.strategies import Method
from dalbt_ray.strategies.method import Look, check_finite
from dalbt_ray.trial.cold_start import first_chooser


@dataclass(frozen=True)
class Pick:
    """One image of a batch.

    Attributes:
        row: of the pool.
        explored: drawn at random, to measure accuracy.
        score: what the strategy records beside a pick; None where it has none.
        predicted: the head's class, "" without a head.
        probability: that the head gives it, among the classes; None without a head.
        runner_up: the second class.
        runner_up_probability: of it.
        no_class: probability that it belongs to no class; None without a head.
    """

    row: int
    explored: bool
    score: float | None
    predicted: str = ""
    probability: float | None = None
    runner_up: str = ""
    runner_up_probability: float | None = None
    no_class: float | None = None

    @property
    def reason(self) -> str:
        """Why it was chosen, for people."""
        if self.explored:
            return "drawn at random, to measure accuracy"
        if self.probability is None:
            return "stands for many images of the pool"
        if self.runner_up_probability is None or self.probability > 0.9:
            return f"stands for images that look like {self.predicted}"
        return (
            f"{self.predicted} {self.probability:.0%} or {self.runner_up} {self.runner_up_probability:.0%}, "
            "and stands for others like it"
        )


@dataclass(frozen=True)
class Choice:
    """A batch.

    Attributes:
        picks: in the order of their worth, random ones among them.
        note: why somebody else chose, or why the batch is smaller than asked; empty for nothing.
        remark: what the strategy says of itself; empty for nothing.
        copies_left_out: images that were passed over as near copies of one bought before or chosen now.
        foreign_left_out: images that were passed over since the head takes them for none of the classes.
    """

    picks: tuple[Pick, ...]
    note: str
    remark: str
    copies_left_out: int
    foreign_left_out: int


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        strategy: who chooses.
        budget: images.
        explore: share of them that is drawn at random.
        threshold: cosine from which two images count as copies.
        number: of the batch; every draw derives from it.
    """

    strategy: Method
    budget: int
    explore: float
    threshold: float
    number: int


def choose(images: KnownImages, answers: Answered, head: TrainedHead | None, wish: Wish) -> Choice:
    """The next batch.

    The random share is drawn first, uniformly from everything that was never asked (near copies of what was asked are
    left out of the pool as a whole): so it measures what the head can do there, foreign images included. A strategy
    then sees the rest without what the head takes for foreign, unless too little remains, or the strategy weighs that
    by itself (`k_plus_one`).

    Args:
        images: n rows.
        answers: of these rows.
        head: what they train; None for no class yet.
        wish: what is asked for.
    """
    points = unit(images.features)
    candidates = images.present & ~answers.asked
    copies = np.zeros(len(points), bool)
    fresh = np.flatnonzero(candidates)
    copies[fresh] = near(points[fresh], points[answers.asked], wish.threshold) >= 0
    candidates &= ~copies
    p = None if head is None else head.probabilities(images.features)

    explored = _explored(candidates, wish)
    taken = near(points, points[explored], wish.threshold) >= 0
    foreign = np.zeros(len(points), bool)
    if head is not None and p is not None and not wish.strategy.needs.outliers:
        foreign = candidates & (p.argmax(axis=1) == len(head.classes))
    rest = candidates & ~taken
    wanted = wish.budget - len(explored)
    if (rest & ~foreign).sum() < wanted:
        foreign[:] = False
    removed = ~(rest & ~foreign) & ~answers.labeled
    method, note = first_chooser(wish.strategy, pretrained=True) if head is None else (wish.strategy, "")
    view = _view(images, answers, head, p, removed)
    check_finite(view, method.name)
    look = method.look(view)
    chosen, passed = _chosen(look, view, points, wanted, wish)
    notes = [note]
    if (short := wanted - len(chosen)) > 0:
        notes.append(f"{short} fewer than asked: no other image is left that is no near copy")
    picks = [Pick(int(row), True, None) for row in explored]
    picks += [Pick(row, False, None if look.score is None else float(look.score[row])) for row in chosen]
    return Choice(
        picks=tuple(_predicted(pick, head, p) for pick in picks),
        note="; ".join(filter(None, notes)),
        remark=look.note if head is not None else "",
        copies_left_out=int(copies.sum()) + passed,
        foreign_left_out=int((foreign & rest).sum()),
    )


def _explored(candidates: NDArray[np.bool_], wish: Wish) -> NDArray[np.int64]:
    """The random share, int64[e]: uniform, so copies of each other are not taken out."""
    rng = generator(wish.number, wish.number, "selection", member=1)
    return rng.permutation(np.flatnonzero(candidates))[: round(wish.explore * wish.budget)]


def _chosen(
    look: Look, view: PoolView, points: NDArray[np.float32], wanted: int, wish: Wish
) -> tuple[list[int], int]:
    """Rows that the strategy wants, without copies of each other, and how many were passed over.

    More are asked for than wanted, until enough are left: the strategies' orders are greedy, so asking for more changes
    little at the front.
    """
    available = len(view.unlabeled_rows)
    asked = min(available, wanted + wanted // 8 + 1)
    while wanted > 0 and available:
        rng = generator(wish.number, wish.number, "selection")
        rows = look.select(view, asked, rng)
        kept, dropped = without_copies(rows.tolist(), points, wish.threshold)
        if len(kept) >= wanted or asked == available:
            front = set(kept[:wanted])
            return kept[:wanted], sum(copied in front for copied in dropped.values())
        asked = min(available, 2 * asked)
    return [], 0


def _view(
    images: KnownImages,
    answers: Answered,
    head: TrainedHead | None,
    p: NDArray[np.float64] | None,
    removed: NDArray[np.bool_],
) -> PoolView:
    classes = max(len(answers.classes), 2)
    even = np.full((len(images.ids), classes), 1 / classes)
    learned = head is not None and p is not None and answers.no_class.any()
    return PoolView(
        labeled=answers.labeled,
        labels=answers.labels,
        probabilities=even if head is None or p is None else head.among_classes(p),
        features=images.features,
        removed=removed,
        outliers=answers.no_class,
        outlier_probability=head.without_class(p) if learned and head is not None and p is not None else None,
        bought=answers.bought,
    )


def _predicted(pick: Pick, head: TrainedHead | None, p: NDArray[np.float64] | None) -> Pick:
    if head is None or p is None:
        return pick
    known = head.among_classes(p[pick.row : pick.row + 1])[0]
    first, *others = np.argsort(-known, kind="stable")
    second = others[0] if others else None
    return replace(
        pick,
        predicted=head.classes[first],
        probability=float(known[first]),
        runner_up="" if second is None else head.classes[second],
        runner_up_probability=None if second is None else float(known[second]),
        no_class=float(head.without_class(p[pick.row : pick.row + 1])[0]),
    )
