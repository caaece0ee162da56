"""One query: show the strategy what it may see, let it choose, ask the oracle."""

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from dalbt_ray.metrics.auroc import auroc
from dalbt_ray.pool import PoolState, PoolView
from dalbt_ray.results import Acquired, Query
from dalbt_ray.strategies.method import Method
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.scoring import Scores


def query(
    strategy: Method,
    budget: int,
    state: PoolState,
    oracle: Oracle,
    scores: Scores | None,
    validation: Scores,
    rng: np.random.Generator,
    *,
    learn: bool = False,
) -> Query:
    """Let `strategy` choose `budget` images and have the oracle answer.

    Args:
        strategy: the method.
        budget: images to acquire; fewer if fewer are left.
        state: who is labeled, returned, gone.
        oracle: true labels.
        scores: of the pool's n rows; None for a strategy that looks at none.
        validation: scores of the validation images.
        rng: the strategy's randomness.
        learn: whether OOD images that were bought are shown as such.
    """
    view = pool_view(state, oracle, scores, validation, learn=learn)
    if strategy.control:
        view = replace(view, revealed_ood=oracle.is_ood)
    if not len(view.unlabeled_rows):
        return Query(acquired=())
    rows, look = strategy.query(view, budget, rng)
    _check(rows, view, budget, strategy.name)
    ood = oracle.is_ood[view.unlabeled_rows]
    return Query(
        acquired=tuple(
            Acquired(rank=rank, **oracle.answer(row), score=_finite_or_none(look.score, row))
            for rank, row in enumerate(rows)
        ),
        pool_ood_share=float(ood.mean()),
        ood_auroc=_auroc(look.ranking, view, ood),
        detector_auroc=_auroc(look.outlier_score, view, ood),
        n_repeat=int(state.demoted[rows].sum()),
        note=look.note,
    )


def pool_view(
    state: PoolState, oracle: Oracle, scores: Scores | None, validation: Scores, *, learn: bool = False
) -> PoolView:
    """The pool's n rows as a strategy sees them: the oracle's answers so far, and what the networks say."""
    nothing = np.empty((len(state.labeled), 0))
    scores = scores or Scores(probabilities=nothing, features=nothing)
    return PoolView(
        labeled=state.labeled,
        labels=np.where(state.labeled, oracle.labels, -1),
        demoted=state.demoted,
        removed=state.removed,
        outliers=state.removed if learn else None,
        bought=state.bought,
        validation_features=validation.features,
        validation_probabilities=validation.probabilities,
        validation_labels=oracle.validation_labels,
        **{each.name: getattr(scores, each.name) for each in fields(scores)},
    )


def _auroc(values: NDArray[np.float64] | None, view: PoolView, ood: NDArray[np.bool_]) -> float | None:
    return None if values is None else auroc(values[view.unlabeled_rows], ood)


def _finite_or_none(values: NDArray[np.float64] | None, row: np.int64) -> float | None:
    """A strategy that had to fall back has no score to record; a NaN would not survive the tables."""
    return None if values is None or not np.isfinite(values[row]) else float(values[row])


def _check(chosen: NDArray[np.int64], view: PoolView, budget: int, strategy: str) -> None:
    """A user's own strategy may be wrong; acquiring twice, or what is labeled, would corrupt the results."""
    expected = min(budget, len(view.unlabeled_rows))
    taken = ~np.isin(chosen, view.unlabeled_rows)
    if len(chosen) != expected or len(np.unique(chosen)) != expected or taken.any():
        raise ValueError(
            f"strategy {strategy!r}: chose {len(chosen)} rows ({len(np.unique(chosen))} distinct, "
            f"{int(taken.sum())} not unlabeled); pick must return distinct unlabeled rows, {expected} in all"
        )
