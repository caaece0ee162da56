"""The round loop of one trial. Read this file first: train, measure, score, select, commit; again.

A round is a pure function of (trial, round index, labeled rows): every draw derives from the seed tree, so a
checkpoint is the list of what was acquired, and a resumed trial continues bit for bit.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.metrics.accuracy import accuracy
from dalbt_ray.models.network import Network
from dalbt_ray.options.own_code import own_sources
from dalbt_ray.pool import PoolState
from dalbt_ray.results import Query, Record, ResultsStore, RoundRow
from dalbt_ray.seeding import generator
from dalbt_ray.trial.acquisition import query
from dalbt_ray.trial.clock import Clock
from dalbt_ray.trial.cold_start import round_without_labels
from dalbt_ray.trial.conditions import other_conditions
from dalbt_ray.trial.manifest import manifest
from dalbt_ray.trial.networks import (
    Run,
    score_labeled,
    score_pool,
    score_test,
    score_validation,
    train_networks,
)
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.round_rows import is_finished, is_stalled, opening_row, replay
from dalbt_ray.trial.scoring import Scores
from dalbt_ray.trial.training import Diverged
from dalbt_ray.workers.device import settle
from dalbt_ray.workers.world import World

_log = logging.getLogger(__name__)

CONVERGED = 0.98
"""Accuracy on the labeled images from which a network counts as converged; a head that is solved always does."""


def run_trial(
    trial: Trial,
    image_set: ImageSet,
    store: ResultsStore,
    *,
    world: World | None = None,
    device: torch.device | str = "cpu",
    on_round: Callable[[Record], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    own_code: Mapping[str, str] | None = None,
    cache: Path | None = None,
) -> None:
    """Run every round of `trial` that is not committed yet, then publish its tables.

    Args:
        trial: what to run.
        image_set: the images.
        store: where rounds are committed.
        world: the workers of this trial; all call this function, worker 0 writes.
        device: where this worker computes.
        on_round: told of each committed round.
        stop: polled between steps; true ends the trial at once, and only the unfinished round is lost.
        own_code: hashes of the sources of the user's own classes, from the process that can read them; by default
            they are taken here.
        cache: see `Run`; the user's cache folder, where a pretraining is shared by trials.

    Raises:
        Stopped: `stop()` was true.
    """
    world = world or World()
    settle(torch.device(device))
    oracle = Oracle.prepare(trial, image_set)
    run = Run(
        trial=trial,
        image_set=image_set,
        oracle=oracle,
        world=world,
        device=torch.device(device),
        stop=stop,
        own_code=own_sources(trial) if own_code is None else own_code,
        cache=cache,
    )
    trial_id = trial.trial_id(image_set.data_hash)
    journal = store.journal(trial_id)
    if world.leads:
        begin(store, trial, trial_id)
    records: list[Record] = world.agree(journal.rounds() if world.leads else [])
    elsewhere = other_conditions(records, run.device)
    if world.leads and elsewhere:
        _log.warning(
            "trial %s is resumed under other conditions (%s): its bits may not repeat", trial_id, elsewhere
        )
    networks = retrain(run, records) if trial.training.init == "warm" else []
    while not is_finished(trial, records):
        record, networks = run_round(run, replay(trial, oracle, records), records, networks)
        if world.leads:
            journal.commit(len(records), record)
        records.append(record)
        on_round(record)
    if world.leads:
        store.publish(trial_id, manifest(run, records), records)


def begin(store: ResultsStore, trial: Trial, trial_id: str) -> None:
    """Open the journal; of a trial that is published with fewer rounds than asked for, with those rounds in it."""
    done = store.published(trial_id)
    if done is not None and done.rounds <= trial.rounds:
        store.reopen(trial_id)
    store.journal(trial_id).begin(trial.as_json())


def retrain(run: Run, records: list[Record]) -> list[Network]:
    """The networks of the last committed round, trained again: no weights are ever stored.

    Only a warm start depends on them; its resume costs the training of the committed rounds, not their scoring.
    """
    networks: list[Network] = []
    for round_index in range(len(records)):
        state = replay(run.trial, run.oracle, records[:round_index])
        if not state.labeled.any():
            continue
        networks = train_networks(run, state, round_index, networks).networks
    return networks


def run_round(
    run: Run, state: PoolState, records: list[Record], previous: list[Network]
) -> tuple[Record, list[Network]]:
    """One round: train on what is labeled, measure on the test set, choose what to acquire for the next round.

    Args:
        run: the trial and where it runs.
        state: who is labeled.
        records: the rounds committed so far.
        previous: the networks of the round before, for warm starts.

    Returns:
        The round's record, and its networks.
    """
    if not state.labeled.any():
        return round_without_labels(run, state, records), []
    clock, row = Clock(), opening_row(run.trial, run.oracle, state, records)
    try:
        return _round_with_labels(run, state, records, previous, row, clock)
    except Diverged as error:
        row = replace(row, status="diverged", note=str(error))
        return Record(row=row, query=None, timing=clock.row(run.device)), []


def _round_with_labels(
    run: Run, state: PoolState, records: list[Record], previous: list[Network], row: RoundRow, clock: Clock
) -> tuple[Record, list[Network]]:
    oracle, round_index = run.oracle, len(records)
    with clock.measure("train"):
        trained = train_networks(run, state, round_index, previous)
    clock.add("train", -trained.auxiliary_seconds)
    clock.add("auxiliary", trained.auxiliary_seconds)
    with clock.measure("evaluate"):
        test = score_test(run, trained.networks).probabilities
        on_train = score_labeled(run, trained.networks, state).probabilities
        validation = score_validation(run, trained.networks)
    train_accuracy = accuracy(on_train, oracle.labels[state.labeled])
    row = replace(
        row,
        train_accuracy=train_accuracy,
        converged=run.trial.encoder.solver is not None or train_accuracy >= CONVERGED,
        validation_accuracy=accuracy(validation.probabilities, oracle.validation_labels),
        train_loss=trained.loss,
        steps=trained.steps,
        measures={metric.column: metric.measure(test, oracle.test_labels) for metric in run.trial.measured},
    )
    if is_stalled(records):
        row = replace(row, status="stalled")
        return Record(row=row, query=None, timing=clock.row(run.device)), trained.networks
    # The last round makes its query too: a trial that is asked for more rounds goes on without training it again.
    with clock.measure("score"):
        pool = score_pool(run, trained, round_index) if run.trial.strategy.needs.scores else None
    with clock.measure("select"):
        acquired = run.world.agree(acquire(run, state, pool, validation, round_index))
    if not acquired.acquired:
        row = replace(row, status="pool_exhausted")
        return Record(row=row, query=None, timing=clock.row(run.device)), trained.networks
    return Record(row=row, query=acquired, timing=clock.row(run.device)), trained.networks


def acquire(run: Run, state: PoolState, pool: Scores | None, validation: Scores, round_index: int) -> Query:
    """The query of one round. Worker 0 decides; the others leave it to `World.agree`."""
    if not run.world.leads:
        return Query(acquired=())
    rng = generator(run.trial.seed, round_index, "selection")
    trial, learn = run.trial, run.trial.ood_policy == "learn"
    return query(trial.strategy, trial.budget, state, run.oracle, pool, validation, rng, learn=learn)
