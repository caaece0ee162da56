"""One trial: a Tune function trainable that holds one Train run, which runs the round loop."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Timer
from time import monotonic
from typing import Any

import ray.train
import ray.train.torch
import torch
from ray import tune
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback

from dalbt_ray.cluster.code_version import code_hash
from dalbt_ray.cluster.ending import WorkerProcess
from dalbt_ray.cluster.node_facts import elsewhere
from dalbt_ray.cluster.preflight import Share
from dalbt_ray.cluster.reports import Event, Reports
from dalbt_ray.config import ImageKey, Trial
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.data.sources import user_cache
from dalbt_ray.errors import InputError
from dalbt_ray.results import Record, ResultsStore
from dalbt_ray.trial.failures import (
    FINAL,
    CodeMismatch,
    TrialTimeout,
    as_told,
    exit_fails_the_trial,
    hint_for,
    in_one_line,
)
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped
from dalbt_ray.workers.world import World

_log = logging.getLogger(__name__)

GRACE_S = 10.0
"""Seconds that a trial has, after its time is up, to end by itself; then its process ends it."""


@dataclass(frozen=True)
class SharedWork:
    """What all trials of a sweep have in common; shipped once, by reference.

    Attributes:
        trials: in the order of the plan.
        turns: indices of trials that one worker runs one after the other; Tune's config only names a turn.
        own_code: hashes of the sources of the user's own classes, for each trial: workers cannot read them.
        shares: what each of them holds.
        image_sets: by `Trial.image_key`; images stay in the object store.
        store_root: the results folder.
        code: the driver's code hash.
        trial_timeout_s: see `ClusterOptions`.
        max_failures: how often a worker group is started again.
        scratch: the driver's folder for what Train writes about itself.
        avoid: ids of nodes on which no trial may run.
    """

    trials: tuple[Trial, ...]
    turns: tuple[tuple[int, ...], ...]
    own_code: tuple[dict[str, str], ...]
    shares: tuple[Share, ...]
    image_sets: dict[ImageKey, ImageSet]
    store_root: str
    code: str
    trial_timeout_s: float | None
    max_failures: int
    scratch: str
    avoid: tuple[str, ...] = ()

    def image_set(self, index: int) -> ImageSet:
        """The images of a trial."""
        return self.image_sets[self.trials[index].image_key]

    def trial_id(self, index: int) -> str:
        """The identity of a trial."""
        return self.trials[index].trial_id(self.image_set(index).data_hash)


def run_in_tune(config: dict[str, Any], work: SharedWork) -> None:
    """The Tune trainable: the trials of turn `config["turn"]` of the sweep, all rounds that are missing."""
    turn = work.turns[int(config["turn"])]
    reports = Reports(tune.report)
    if problem := _misplaced(work):
        told = {"node": ray.get_runtime_context().get_node_id(), "problem": problem}
        reports.add(Event(turn[0], "misplaced", told), at_once=True)
        return
    for index in turn:
        # A worker that died in the middle of a turn starts it again.
        if len(turn) > 1 and _is_done(index, work):
            reports.add(Event(index, "finished"))
            continue
        reports.add(Event(index, "began", asdict(WorkerProcess.this())), at_once=True)
        # Alone, a trial that fails is started again by Tune, in a new process if need be.
        attempts = work.max_failures + 1 if len(turn) > 1 else 1
        reports.add(_attempt(index, work, reports, attempts))
    reports.flush()


def _misplaced(work: SharedWork) -> str:
    """Why this node cannot run any trial, if others may; else empty, and the trial fails where it must."""
    if sum(node["Alive"] for node in ray.nodes()) == 1:
        return ""
    if code_hash() != work.code:
        return "it runs other code than the driver"
    return "" if ResultsStore(work.store_root).exists() else f"{work.store_root} is not there"


def _is_done(index: int, work: SharedWork) -> bool:
    done = ResultsStore(work.store_root).published(work.trial_id(index))
    return done is not None and (done.ended or done.rounds > work.trials[index].rounds)


def _attempt(index: int, work: SharedWork, reports: Reports, attempts: int) -> Event:
    """Run one trial, several times if it fails otherwise than for good; how it ended.

    Raises:
        Exception: its failure, if there is one attempt only and it is not for good.
    """
    error: Exception
    for attempt in range(attempts):
        try:
            _run(index, work, reports)
        except FINAL as failure:
            error = failure
            break
        except Exception as failure:
            if attempts == 1:
                # What Tune tells of it would come as a pickle in a file.
                reports.add(Event(index, "stumbled", as_told(failure)), at_once=True)
                raise
            error = failure
            _log.warning("attempt %d of trial %s failed", attempt + 1, work.trial_id(index), exc_info=True)
        else:
            return Event(index, "finished")
    ResultsStore(work.store_root).record_error(work.trial_id(index), error, hint_for(error))
    return Event(index, "failed", {"message": in_one_line(error)})


def _run(index: int, work: SharedWork, reports: Reports) -> None:
    if code_hash() != work.code:
        raise CodeMismatch(f"node {ray.util.get_node_ip_address()} runs other code than the driver")
    if not ResultsStore(work.store_root).exists():
        raise InputError(
            "results",
            work.store_root,
            f"is not there on node {ray.util.get_node_ip_address()}",
            remedy="name a folder that every node shares, or a URI such as s3://bucket/folder",
        )
    limit = work.trial_timeout_s
    with _ended_after(None if limit is None else limit + GRACE_S):
        if work.shares[index].workers == 1:
            _train_here(index, work, reports)
        else:
            _train_in_group(index, work)


def _train_here(index: int, work: SharedWork, reports: Reports) -> None:
    """One device: Train's local mode, in this very process. A worker group would cost 7 to 18 s."""

    def loop() -> None:
        _loop(index, work, World(), reports)

    use_gpu = work.shares[index].gpus > 0
    TorchTrainer(loop, scaling_config=ScalingConfig(num_workers=0, use_gpu=use_gpu)).fit()


def _train_in_group(index: int, work: SharedWork) -> None:
    """Two or more devices: a group of processes under torch.distributed, one fit for all rounds."""
    share = work.shares[index]
    each = {"CPU": share.cpus} | ({"GPU": share.gpus} if share.gpus else {})
    TorchTrainer(
        _group_loop,
        train_loop_config={"index": index, "work": ray.put(work)},
        scaling_config=ScalingConfig(
            num_workers=share.workers,
            use_gpu=share.gpus > 0,
            resources_per_worker=each,
            label_selector=elsewhere(work.avoid) or None,
        ),
        run_config=RunConfig(
            # A name that was used before would load Train's own snapshot.
            name=f"{work.trial_id(index)}-{os.getpid()}",
            storage_path=work.scratch,
            failure_config=FailureConfig(max_failures=work.max_failures),
            callbacks=[TuneReportCallback()],
        ),
    ).fit()


def _group_loop(config: dict[str, Any]) -> None:
    context = ray.train.get_context()
    world = World(rank=context.get_world_rank(), size=context.get_world_size())
    reports = Reports(ray.train.report, pause_s=0)
    _loop(config["index"], ray.get(config["work"]), world, reports)


def _loop(index: int, work: SharedWork, world: World, reports: Reports) -> None:
    """The round loop in one worker, on its device, with its threads and within its time."""
    share = work.shares[index]
    # Ray's OMP_NUM_THREADS is not always obeyed, and the number of threads changes the last bits.
    torch.set_num_threads(max(1, int(share.cpus)))
    device = ray.train.torch.get_device() if share.gpus else torch.device("cpu")

    def on_round(record: Record) -> None:
        row = record.row.columns()
        told = {name: row.get(name) for name in ("round", "test_accuracy", "status")}
        told["device_type"] = device.type
        reports.add(Event(index, "round", told))

    began, limit = monotonic(), work.trial_timeout_s

    def stop() -> bool:
        if world.size == 1:  # several would have to tell together
            reports.alive(index)
        return limit is not None and world.agree(monotonic() - began >= limit)

    try:
        with exit_fails_the_trial():
            run_trial(
                work.trials[index],
                work.image_set(index),
                ResultsStore(work.store_root),
                world=world,
                device=device,
                on_round=on_round,
                stop=stop,
                own_code=work.own_code[index],
                cache=user_cache(os.environ),  # of the node that this worker is on
            )
    except Stopped:
        raise TrialTimeout(f"not finished after trial_timeout_s = {limit:g}") from None


@contextmanager
def _ended_after(seconds: float | None) -> Iterator[None]:
    """End this process if the block takes longer: a trial that hangs does not poll `stop` any more."""
    if seconds is None:
        yield
        return
    timer = Timer(seconds, os._exit, args=(75,))  # 75: "try again later", the usual code for a requeue
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
