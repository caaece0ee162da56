"""A round without a single label: nothing is trained or measured, and the strategy chooses the first images."""

from dataclasses import replace

import numpy as np

from dalbt_ray.pool import PoolState
from dalbt_ray.results import Query, Record
from dalbt_ray.seeding import generator
from dalbt_ray.strategies import get_strategy
from dalbt_ray.strategies.method import Method
from dalbt_ray.trial.acquisition import query
from dalbt_ray.trial.clock import Clock
from dalbt_ray.trial.networks import Run, Trained, score_pool, score_validation, untrained_network
from dalbt_ray.trial.round_rows import is_stalled, opening_row
from dalbt_ray.trial.scoring import Scores


def round_without_labels(run: Run, state: PoolState, records: list[Record]) -> Record:
    """The record of such a round: every measure is null.

    A method with `cold_start` chooses by the features of a pretrained encoder. Where the method needs a classifier, or
    the encoder knows nothing yet, its `fallback` chooses, and the note of the round that trains on it says so.
    """
    clock, round_index = Clock(), len(records)
    row = opening_row(run.trial, run.oracle, state, records)
    if is_stalled(records):
        return Record(row=replace(row, status="stalled"), query=None, timing=clock.row(run.device))
    pretrained = run.trial.encoder.starts_pretrained or run.trial.pretraining.happens
    method, note = first_chooser(run.trial.strategy, pretrained=pretrained)
    pool, validation = None, _nothing(run)
    if method.needs.scores:
        with clock.measure("score"):
            network = untrained_network(run, round_index)
            trained = Trained([network], None, 0, 0.0, 0.0)
            pool = _without_classifier(score_pool(run, trained, round_index))
            validation = _without_classifier(score_validation(run, [network]))
    with clock.measure("select"):
        chosen = Query(acquired=())
        if run.world.leads:
            rng = generator(run.trial.seed, round_index, "selection")
            learn = run.trial.ood_policy == "learn"
            chosen = query(method, run.trial.budget, state, run.oracle, pool, validation, rng, learn=learn)
        chosen = run.world.agree(chosen)
    if not chosen.acquired:
        return Record(row=replace(row, status="pool_exhausted"), query=None, timing=clock.row(run.device))
    chosen = replace(chosen, note="; ".join(filter(None, (note, chosen.note))))
    return Record(row=row, query=chosen, timing=clock.row(run.device))


def first_chooser(strategy: Method, *, pretrained: bool) -> tuple[Method, str]:
    """Who chooses while nothing is labeled, and why it is not `strategy`; empty if it is."""
    chooser: Method
    if not strategy.cold_start:
        why = f"{strategy.name} needs labels"
    elif strategy.needs.scores and not pretrained:
        why = "the features of an untrained encoder say nothing"
    else:
        return strategy, ""
    chooser, _ = first_chooser(get_strategy(strategy.fallback), pretrained=pretrained)
    return chooser, f"no label yet: {chooser.name} chose, since {why}"


def _without_classifier(scores: Scores) -> Scores:
    """The features, and a classifier that knows nothing: every class is as likely."""
    even = np.full_like(scores.probabilities, 1 / scores.probabilities.shape[1])
    return Scores(probabilities=even, features=scores.features)


def _nothing(run: Run) -> Scores:
    empty = np.empty((len(run.oracle.validation_labels), 0))
    return Scores(probabilities=empty, features=empty)
