"""Committed rounds: how a row is made, how a pool's state follows, when a trial is over."""

from hashlib import sha256

import numpy as np

from dalbt_ray.config import Trial
from dalbt_ray.pool import PoolState
from dalbt_ray.results import Acquired, Record, RoundRow
from dalbt_ray.trial.oracle import Oracle

STALLED_AFTER = 3
"""Queries in a row without a single label after which a trial ends; OOD images that return can do that."""


def replay(trial: Trial, oracle: Oracle, records: list[Record]) -> PoolState:
    """The pool's state after the queries of `records`."""
    state = PoolState.start(len(oracle.labels), oracle.initial)
    for record in records:
        rows = np.array([image.row for image in _acquired(record)], dtype=np.int64)
        state = state.acquire(rows, oracle.is_ood, discard=trial.ood_policy != "return")
    return state


def is_finished(trial: Trial, records: list[Record]) -> bool:
    """Whether the last committed round was the trial's last."""
    return bool(records) and (len(records) > trial.rounds or records[-1].query is None)


def opening_row(trial: Trial, oracle: Oracle, state: PoolState, records: list[Record]) -> RoundRow:
    """The part of a round's row that is known before training: who we are, what was acquired so far."""
    images = [image for record in records for image in _acquired(record)]
    ood = sum(image.is_ood for image in images)
    last = records[-1].query if records else None
    return RoundRow(
        dataset=trial.dataset,
        ood=trial.foreign,
        strategy=trial.strategy.name,
        objective=trial.objective.name,
        network_id=trial.network_id,
        budget=trial.budget,
        seed=trial.seed,
        round=len(records),
        n_labeled=int(state.labeled.sum()),
        n_unlabeled=int((~state.labeled & ~state.removed).sum()),
        n_bought=len(images),
        n_ood_bought=ood,
        n_repeat=last.n_repeat if last else 0,
        purity=sum(not image.is_ood for image in last.acquired) / len(last.acquired) if last else None,
        cumulative_purity=1 - ood / len(images) if images else None,
        pool_ood_share=last.pool_ood_share if last else None,
        ood_auroc=last.ood_auroc if last else None,
        detector_auroc=last.detector_auroc if last else None,
        labeled_sha256=sha256(oracle.images.places[state.labeled].tobytes()).hexdigest()[:16],
        note=last.note if last else "",
    )


def is_stalled(records: list[Record]) -> bool:
    """Whether the last three queries gained no label at all."""
    recent = records[-STALLED_AFTER:]
    return len(recent) == STALLED_AFTER and all(image.is_ood for each in recent for image in _acquired(each))


def _acquired(record: Record) -> tuple[Acquired, ...]:
    return () if record.query is None else record.query.acquired
