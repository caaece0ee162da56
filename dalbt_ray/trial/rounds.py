"""The round loop of one trial. Read this file first: train, measure, score, select, commit; again.

A round is a pure function of (trial, round index, labeled rows): every draw derives from the seed tree, so a
checkpoint is the list of what was acquired, and a resumed trial continues bit for bit.
"""

from collections.abc import Callable
from dataclasses import replace

import torch

from dalbt_ray.config import Trial
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.metrics.quality import quality
from dalbt_ray.models.network import Network
from dalbt_ray.pool import PoolState
from dalbt_ray.results import Query, Record, ResultsStore
from dalbt_ray.seeding import generator
from dalbt_ray.trial.acquisition import query
from dalbt_ray.trial.clock import Clock
from dalbt_ray.trial.manifest import manifest
from dalbt_ray.trial.networks import Run, score_pool, score_test, train_networks
from dalbt_ray.trial.oracle import Oracle
from dalbt_ray.trial.round_rows import is_finished, is_stalled, opening_row, replay
from dalbt_ray.trial.scoring import Scores
from dalbt_ray.trial.training import Diverged
from dalbt_ray.workers.world import World


def run_trial(
    trial: Trial,
    image_set: ImageSet,
    store: ResultsStore,
    *,
    world: World | None = None,
    device: torch.device | str = "cpu",
    on_round: Callable[[Record], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
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

    Raises:
        Stopped: `stop()` was true.
    """
    world = world or World()
    oracle = Oracle.prepare(trial, image_set)
    run = Run(
        trial=trial, image_set=image_set, oracle=oracle, world=world, device=torch.device(device), stop=stop
    )
    trial_id = trial.trial_id(image_set.data_hash)
    journal = store.journal(trial_id)
    if world.leads:
        begin(store, trial, trial_id)
    records: list[Record] = world.agree(journal.rounds() if world.leads else [])
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
    store.journal(trial_id).begin(trial.canonical())


def retrain(run: Run, records: list[Record]) -> list[Network]:
    """The networks of the last committed round, trained again: no weights are ever stored.

    Only a warm start depends on them; its resume costs the training of the committed rounds, not their scoring.
    """
    networks: list[Network] = []
    for round_index in range(len(records)):
        state = replay(run.trial, run.oracle, records[:round_index])
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
    oracle, round_index, clock = run.oracle, len(records), Clock()
    row = opening_row(run.trial, oracle, state, records)
    try:
        with clock.measure("train"):
            trained = train_networks(run, state, round_index, previous)
    except Diverged as error:
        row = replace(row, status="diverged", note=str(error))
        return Record(row=row, query=None, timing=clock.row(run.device)), []
    clock.add("train", -trained.auxiliary_seconds)
    clock.add("auxiliary", trained.auxiliary_seconds)
    with clock.measure("evaluate"):
        test = quality(score_test(run, trained)["probabilities"], run.image_set.test_labels)
    with clock.measure("score"):
        pool, validation = score_pool(run, trained, round_index)
    on_train = quality(pool["probabilities"][state.labeled], oracle.labels[state.labeled])
    on_validation = quality(validation["probabilities"], oracle.validation_labels)
    row = replace(
        row,
        train_accuracy=on_train.accuracy,
        validation_accuracy=on_validation.accuracy,
        train_loss=trained.loss,
        steps=trained.steps,
        measures={"test_accuracy": test.accuracy, "test_nll": test.nll, "test_ece": test.ece},
    )
    acquired: Query | None = None
    if is_stalled(records):
        row = replace(row, status="stalled")
    else:
        # The last round makes its query too: a trial that is asked for more rounds continues with it.
        with clock.measure("select"):
            acquired = run.world.agree(acquire(run, state, pool, validation, round_index))
        if not acquired.acquired:
            row, acquired = replace(row, status="pool_exhausted"), None
    return Record(row=row, query=acquired, timing=clock.row(run.device)), trained.networks


def acquire(run: Run, state: PoolState, pool: Scores, validation: Scores, round_index: int) -> Query:
    """The query of one round. Worker 0 decides; the others leave it to `World.agree`."""
    if not run.world.leads:
        return Query(acquired=())
    rng = generator(run.trial.seed, round_index, "selection")
    return query(run.trial.strategy, run.trial.budget, state, run.oracle, pool, validation, rng)
