"""What every acquisition strategy is: a frozen value with a pure `select`."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.auxiliary import AuxiliarySettings
from dalbt_ray.options.value import Named, is_users
from dalbt_ray.pool import PoolView


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a strategy asks of training and scoring besides one classifier.

    Attributes:
        dropout: dropout probability in the network; 0 is the plain network.
        dropout_samples: stochastic passes per image while scoring, with masks shared by all images.
        members: independently initialized and trained networks.
        variational: the encoder yields a mean and a variance and the classifier trains on samples (DAL-OSR).
        scores: whether the pool is scored at all; without, `PoolView` has no column of probabilities and features.
        outliers: OOD images that were bought are shown: a mixed pool without `ood_policy="learn"` is refused.
        outlier_class: the classifier learns one class more from OOD images that were bought; see
            `training.outlier_class`.
    """

    dropout: float = 0.0
    dropout_samples: int = 0
    members: int = 1
    variational: bool = False
    scores: bool = True
    outliers: bool = False
    outlier_class: bool = False


@dataclass(frozen=True)
class Look:
    """What a strategy makes of a pool of n images: where its picks come from, and what is recorded beside them.

    Attributes:
        pick: what `Method.pick` is for this pool: candidates, a budget and a generator to rows.
        ranking: float64[n], higher is wanted more; None where there is no ranking of single images.
        score: float64[n], what is recorded beside each pick, or None.
        note: one line for the round's row; empty where nothing had to be given up.
        outlier_score: float64[n], higher is more likely OOD, where the method has a detector; None where it has none.
    """

    pick: Callable[[NDArray[np.int64], int, np.random.Generator], NDArray[np.int64]]
    ranking: NDArray[np.float64] | None = None
    score: NDArray[np.float64] | None = None
    note: str = ""
    outlier_score: NDArray[np.float64] | None = None

    def select(self, pool: PoolView, budget: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Picks from the whole pool, int64[min(budget, unlabeled)]: returned rows only where no other one is left."""
        candidates = pool.unlabeled_rows
        demoted = np.zeros(len(pool.labeled), bool) if pool.demoted is None else pool.demoted
        fresh, returned = candidates[~demoted[candidates]], candidates[demoted[candidates]]
        picks = [self.pick(fresh, min(budget, len(fresh)), rng)] if len(fresh) else []
        missing = budget - len(fresh)
        if missing > 0 and len(returned):
            picks.append(self.pick(returned, min(missing, len(returned)), rng))
        return np.concatenate(picks).astype(np.int64) if picks else np.empty(0, np.int64)


class Method(Named):
    """Base of all strategies. A subclass is a frozen dataclass whose fields are its options.

    Implement `pick`; `select` checks the input once for everyone, so that `pick` need not.
    """

    path: ClassVar[str] = "strategy"
    own_objective: ClassVar[str] = "supervised"
    """Name of the objective that the method's own paper trains with."""
    cold_start: ClassVar[bool] = False
    """Whether `pick` works from features alone while nothing is labeled, so that it can choose the first labels."""
    fallback: ClassVar[str] = "random"
    """Name of the strategy that chooses the first labels where the method cannot."""
    control: ClassVar[bool] = False
    """No method but a yardstick: it is shown which images are OOD (`PoolView.revealed_ood`), and reports say so."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name in ("select", "query"):
            if name in vars(cls):
                raise TypeError(
                    f"{cls.__qualname__}.{name} would not be asked: write `pick`, or `look` for all of a query"
                )

    @classmethod
    def in_python(cls) -> str:
        """`get_strategy("margin")`, as sweep files write those of the package."""
        return super().in_python() if is_users(cls) else f'get_strategy("{cls.name}")'

    @property
    def needs(self) -> Needs:
        """What to train and score; the plain classifier unless overridden."""
        return Needs()

    @property
    def auxiliary(self) -> AuxiliarySettings | None:
        """Networks of the strategy's own that are trained along; none unless overridden."""
        return None

    @final
    def select(self, pool: PoolView, budget: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Rows to acquire: int64[min(budget, unlabeled)], distinct, unlabeled, best first.

        Rows that were acquired before and returned come only after every other row.

        Raises:
            ValueError: budget below 1, or an array that is not finite (names strategy and first bad row).
        """
        return self.query(pool, budget, rng)[0]

    @final
    def query(self, pool: PoolView, budget: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Look]:
        """What `select` gives, and the look that it comes from."""
        if budget < 1:
            raise ValueError(f"budget: {budget} must be at least 1")
        check_finite(pool, self.name)
        look = self.look(pool)
        return look.select(pool, budget, rng), look

    def look(self, pool: PoolView) -> Look:
        """All that a query needs. Where that comes from one costly step, subclass `OneLook` and write this alone."""
        pick = partial(self.pick, pool)
        return Look(pick, self.ranking(pool), self.score(pool), self.note(pool), self.outlier_score(pool))

    @abstractmethod
    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """`budget` distinct rows of `candidates` (ascending, 1 <= budget <= len(candidates)), best first."""

    def ranking(self, pool: PoolView) -> NDArray[np.float64] | None:  # noqa: ARG002
        """float64[n], higher is wanted more; None where a method has no score for a single image."""
        return None

    def score(self, pool: PoolView) -> NDArray[np.float64] | None:
        """float64[n], what is recorded beside each query; the ranking unless a method says otherwise."""
        return self.ranking(pool)

    def outlier_score(self, pool: PoolView) -> NDArray[np.float64] | None:
        """float64[n], higher is more likely OOD: what the trained outlier class says unless a method has a detector."""
        return outlier_class_score(pool)

    def note(self, pool: PoolView) -> str:  # noqa: ARG002
        """One line for the round's row if the method had to fall back on something; empty otherwise."""
        return ""


def outlier_class_score(pool: PoolView) -> NDArray[np.float64] | None:
    """float64[n], what the trained outlier class says; None without one."""
    found = pool.outlier_probability
    return None if found is None else np.asarray(found, np.float64)


class Ranked(Method):
    """A strategy that scores images one by one and acquires the highest; the seed, not the order, breaks ties.

    Implement `ranking`; where the query is not the highest of it, `pick_ranked` as well.
    """

    @abstractmethod
    def ranking(self, pool: PoolView) -> NDArray[np.float64]:
        """float64[n], higher is wanted more."""

    def pick_ranked(
        self,
        pool: PoolView,  # noqa: ARG002
        ranking: NDArray[np.float64],
        candidates: NDArray[np.int64],
        budget: int,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """`pick`, given the ranking: the `budget` candidates of highest ranking, see `top`."""
        return top(ranking, candidates, budget, rng)

    def pick(
        self, pool: PoolView, candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """By a ranking that is made for it."""
        return self.pick_ranked(pool, self.ranking(pool), candidates, budget, rng)

    def look(self, pool: PoolView) -> "RankedLook":
        """All from one ranking; a subclass that has a `pick` or a `score` of its own is asked for it."""
        ranking, own = self.ranking(pool), type(self)
        return RankedLook(
            partial(self.pick_ranked, pool, ranking) if own.pick is Ranked.pick else partial(self.pick, pool),
            ranking,
            ranking if own.score is Ranked.score else self.score(pool),
            self.note(pool),
            self.outlier_score(pool),
        )


def top(
    ranking: NDArray[np.float64], candidates: NDArray[np.int64], budget: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The `budget` candidates of highest ranking, best first; equal ones in an order drawn from `rng`.

    Raises:
        ValueError: a ranking that is NaN for a candidate, which has no place in any order.
    """
    undefined = np.isnan(ranking[candidates])
    if undefined.any():
        raise ValueError(
            f"ranking: NaN for {int(undefined.sum())} of {len(candidates)} candidates, the first is row "
            f"{int(candidates[undefined.argmax()])}; every image needs a number"
        )
    tie_break = rng.permutation(len(candidates))
    order = np.lexsort((tie_break, -ranking[candidates]))
    return candidates[order[:budget]]


@dataclass(frozen=True)
class RankedLook(Look):
    """A look that has a ranking."""

    ranking: NDArray[np.float64]


def ranked_look(
    ranking: NDArray[np.float64],
    outlier_score: NDArray[np.float64] | None,
    *,
    score: NDArray[np.float64] | None = None,
    note: str = "",
) -> RankedLook:
    """A look that picks the highest of this ranking, which is also the score unless another one is given."""
    return RankedLook(
        partial(top, ranking), ranking, ranking if score is None else score, note, outlier_score
    )


def check_finite(pool: PoolView, strategy: str) -> None:
    """Raise ValueError that names the strategy and the first row with a NaN or an infinity."""
    for field in (
        "probabilities",
        "features",
        "mc_probabilities",
        "member_probabilities",
        "auxiliary",
        "outlier_probability",
        "validation_probabilities",
        "validation_features",
    ):
        values = getattr(pool, field)
        if values is None:
            continue
        # One sum decides the usual case without an array of flags: a NaN or an infinity survives it. In the array's own
        # precision, which is five times as fast for 45,000 x 1,280 float32; an overflow only costs the second look.
        with np.errstate(invalid="ignore", over="ignore"):
            if np.isfinite(values.sum()):
                continue
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        if bad.any():
            raise ValueError(
                f"strategy {strategy!r}: {field} of row {int(bad.argmax())} is not finite "
                f"({int(bad.sum())} such rows); training has diverged: lower the learning rate"
            )
