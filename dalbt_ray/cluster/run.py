"""Run a list of trials on Ray: connect, check that they fit, share the images, let Tune schedule, report."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

from ray import tune
from ray.air._internal import usage

from dalbt_ray.cluster.code_version import code_hash
from dalbt_ray.cluster.connection import (
    Connection,
    connected,
    end_own_processes,
    live_nodes,
    ray_addresses,
)
from dalbt_ray.cluster.embed_pool import run_on_ray
from dalbt_ray.cluster.growing_grid import GrowingGrid
from dalbt_ray.cluster.lifeline import end_at_once, lifeline
from dalbt_ray.cluster.memory_kills import memory_kills_as_lost_workers
from dalbt_ray.cluster.node_checks import PATIENCE_S, nodes_to_avoid
from dalbt_ray.cluster.node_facts import elsewhere
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Node, Share, at_once, pack, share_of
from dalbt_ray.cluster.private_folder import KEPT_DAYS, keep
from dalbt_ray.cluster.read_ahead import MOST_BYTES, ReadAhead
from dalbt_ray.cluster.shared_array import SharedArray
from dalbt_ray.cluster.shared_images import materialize_image_set
from dalbt_ray.cluster.started_ahead import usable_by_tune
from dalbt_ray.cluster.train_loop import SharedWork, run_in_tune
from dalbt_ray.cluster.turns import turns_of
from dalbt_ray.cluster.watch import Watch
from dalbt_ray.config import ImageKey, Trial
from dalbt_ray.data.embedding.embedded_set import embedded_image_set
from dalbt_ray.data.image_set import ImageSet, ImageSetFiles
from dalbt_ray.data.sources import user_cache
from dalbt_ray.errors import InputError
from dalbt_ray.options.own_code import own_sources
from dalbt_ray.trial.clock import span
from dalbt_ray.trial.observer import Observer
from dalbt_ray.trial.outcome import SweepOutcome

_CODE = code_hash()
"""Taken at import: what this process runs, whatever happens to the files later."""


def run_sweep(
    trials: Sequence[Trial],
    store_root: str,
    data_root: Path | None,
    options: ClusterOptions,
    progress: Observer,
    resume: str = "The same command goes on.",
) -> SweepOutcome:
    """Run `trials`, the missing ones of a sweep, and publish each; the results folder is the only state.

    Ctrl+C (SIGINT) and SIGTERM end it within seconds: what is committed stays, and the next call goes on there.

    Args:
        trials: what to run; at least one.
        store_root: the results folder, a path or a URI.
        data_root: the folder of image sets, or None for the embedded ones.
        options: where, and what each trial holds.
        progress: told what happens.
        resume: what to say of going on, where the end of Ray ends this process with status 1.

    Raises:
        InputError: a trial that can never fit on the cluster, no Ray at the address, or damaged data.
        Stalled: nothing ran for too long, with what was wanted and what was there.
    """
    watch: Watch | None = None
    keys = list(dict.fromkeys(trial.image_key for trial in trials))
    # A cluster that others started is up, and Ray Data reads on all its nodes at once.
    most_bytes = 0 if options.joins else MOST_BYTES
    ahead = ReadAhead([key for key in keys if key[2] is None], data_root, most_bytes)
    try:
        with (
            _interruptible(),
            connected(options, trials=len(trials)) as connection,
            lifeline(ray_addresses(), progress.say, partial(_lost, connection, progress, resume)),
            _interruptible(),
            usable_by_tune(own=not options.joins),
        ):
            # Workers have a folder of their own.
            root = store_root if "://" in store_root else str(Path(store_root).resolve())
            nodes, avoid = _usable_nodes(trials, root, data_root, options, progress)
            packing = pack(trials, options, nodes)
            progress.say(f"running {len(trials)} trials, {packing}")
            if connection.dashboard:
                progress.say(f"Ray's dashboard: http://{connection.dashboard}, token by `ray get-auth-token`")
            shares = tuple(share_of(trial, options, nodes) for trial in trials)
            work = SharedWork(
                trials=tuple(trials),
                turns=(),
                own_code=tuple(own_sources(trial) for trial in trials),
                shares=shares,
                image_sets=_shared_image_sets(keys, ahead, data_root, progress, avoid),
                store_root=root,
                code=_CODE,
                trial_timeout_s=options.trial_timeout_s,
                max_failures=options.max_failures,
                scratch=str(connection.folder / "train"),
                avoid=avoid,
            )
            watch = Watch(work, options, progress)
            # A worker that dies for good takes the rest of its turn with it: that is scheduled again.
            while left := watch.left:
                before, avoided = len(left), len(work.avoid)
                work = replace(work, turns=turns_of(left, trials, shares, packing.at_once))
                watch.schedule(work)
                with memory_kills_as_lost_workers():
                    _schedule(work, options, connection, watch)
                # A node that went bad meanwhile has lost no trial.
                work = replace(work, avoid=tuple(dict.fromkeys((*work.avoid, *watch.avoided))))
                if not {node.node_id for node in live_nodes()} - set(work.avoid):
                    problem = "leads to no node any more that can run trials"
                    remedy = next(iter(watch.avoided.values()), "")
                    raise InputError("address", options.address, problem, remedy=remedy)
                if len(watch.left) == before and len(work.avoid) == avoided:
                    raise RuntimeError(
                        f"Tune ended without a word of {before} trials; see {connection.folder}"
                    )
            if watch.failed:
                keep(connection.folder)
                progress.say(f"Ray's logs are in {connection.folder}, for {KEPT_DAYS} days")
    except KeyboardInterrupt:
        return SweepOutcome(watch.done if watch else 0, watch.failed if watch else 0, interrupted=True)
    return SweepOutcome(watch.done, watch.failed, interrupted=False)


def _usable_nodes(
    trials: Sequence[Trial],
    store_root: str,
    data_root: Path | None,
    options: ClusterOptions,
    progress: Observer,
) -> tuple[list[Node], tuple[str, ...]]:
    """The nodes on which trials can run, and the ids of those that are set aside, after each was looked at."""
    nodes = live_nodes()
    sets = {(trial.dataset, trial.ood) for trial in trials} if len(nodes) > 1 else set()
    found = [ImageSetFiles.find(*names, data_root) for names in sorted(sets)]
    data = dict.fromkeys(path for files in found for path in (*files.pool_files, files.test))
    gpus_wanted = any(share_of(trial, options, nodes).gpus for trial in trials)
    if len(nodes) > 1:
        progress.say(f"looking at {len(nodes)} nodes, for {span(PATIENCE_S)} at most")
    bad = nodes_to_avoid(nodes, store_root, list(data), _CODE, gpus_wanted=gpus_wanted)
    for node in nodes:
        if node.node_id in bad:
            progress.say(f"node {node.name} is set aside: {bad[node.node_id]}")
    return [node for node in nodes if node.node_id not in bad], tuple(bad)


def _lost(connection: Connection, progress: Observer, resume: str, why: str) -> None:
    progress.say(f"{why}; what is committed is kept. Ray's logs are in {connection.folder}. {resume}")
    keep(connection.folder)
    end_at_once(1, end_own_processes)


def _shared_image_sets(
    keys: Sequence[ImageKey],
    ahead: ReadAhead,
    data_root: Path | None,
    progress: Observer,
    avoid: tuple[str, ...],
) -> dict[ImageKey, ImageSet]:
    """The images of all trials, or their features, one copy a node."""
    found: dict[ImageKey, ImageSet] = {}
    for key in keys:
        dataset, ood, embedding = key
        image_set = ahead.next_shared() if embedding is None else None
        if image_set is None:
            files = ImageSetFiles.find(dataset, ood, data_root)
            image_set = (
                materialize_image_set(files, elsewhere(avoid))
                if embedding is None
                else embedded_image_set(
                    files,
                    embedding,
                    data_root,
                    user_cache(os.environ),
                    run=run_on_ray,
                    say=progress.say,
                    share=SharedArray,
                )
            )
        found[key] = image_set
    return found


def _schedule(work: SharedWork, options: ClusterOptions, connection: Connection, watch: Watch) -> None:
    """Let Tune run every turn. Tune draws them one by one, as places become free, and keeps no state."""
    shares = work.shares
    # What trials reserve is their limit, so that Ray always knows what waits. The trial of a worker group reserves
    # next to nothing by itself: there a number is the limit, which follows the nodes.
    in_groups = any(share.workers > 1 for share in shares)
    kinds = set(shares)

    def usable() -> list[Node]:
        return [node for node in live_nodes() if node.node_id not in work.avoid]

    # To count callbacks for statistics that are off, Tune imports MLflow and W&B where they are: seconds.
    usage.tag_callbacks = lambda _callbacks: False
    tune.Tuner(
        tune.with_resources(
            tune.with_parameters(run_in_tune, work=work),
            lambda config: _reservation(shares[work.turns[config["turn"]][0]], work.avoid),
        ),
        param_space={"turn": tune.grid_search(list(range(len(work.turns))))},
        tune_config=tune.TuneConfig(
            search_alg=GrowingGrid(lambda: at_once(kinds, options, usable())) if in_groups else None,
            max_concurrent_trials=None if in_groups else options.max_concurrent,
            # A trial then starts in 0.8 s instead of 2.7 s. Nothing of a trial outlives it but GPU memory, which
            # only the end of a process frees for certain.
            reuse_actors=not any(share.gpus for share in work.shares),
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(connection.folder),
            failure_config=tune.FailureConfig(max_failures=options.max_failures),
            callbacks=[watch],
            verbose=0,
        ),
    ).fit()


def _reservation(share: Share, avoid: tuple[str, ...]) -> tune.PlacementGroupFactory:
    """What Tune reserves for a trial, on any node but some.

    A worker group reserves for itself, through Train, so its trial must not hold the CPUs that the workers wait
    for. A reservation of nothing is refused, hence the memory.
    """
    bundle = {"CPU": share.cpus} | ({"GPU": share.gpus} if share.gpus else {})
    if share.workers > 1:
        bundle = {"CPU": 0, "memory": 64 * 2**20}
    if not avoid:
        return tune.PlacementGroupFactory([bundle])
    return tune.PlacementGroupFactory([bundle], bundle_label_selector=[elsewhere(avoid)])


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM raise KeyboardInterrupt. To be entered again once Ray, which takes SIGTERM, is connected."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
