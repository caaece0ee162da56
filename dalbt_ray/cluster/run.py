"""Run a list of trials on Ray: connect, check that they fit, share the images, let Tune schedule, report."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from ray import tune

from dalbt_ray.cluster.code_version import code_hash
from dalbt_ray.cluster.connection import Connection, connected, live_nodes
from dalbt_ray.cluster.embed_pool import SharedFeatures, run_on_ray
from dalbt_ray.cluster.growing_grid import GrowingGrid
from dalbt_ray.cluster.options import ClusterOptions
from dalbt_ray.cluster.preflight import Share, at_once, pack, share_of
from dalbt_ray.cluster.private_folder import KEPT_DAYS, keep
from dalbt_ray.cluster.shared_images import materialize_image_set
from dalbt_ray.cluster.train_loop import SharedWork, run_in_tune
from dalbt_ray.cluster.turns import turns_of
from dalbt_ray.cluster.watch import Watch
from dalbt_ray.config import ImageKey, Trial
from dalbt_ray.data.embedding.embedded_set import embedded_image_set
from dalbt_ray.data.image_set import ImageSet, ImageSetFiles
from dalbt_ray.options.own_code import own_sources
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
) -> SweepOutcome:
    """Run `trials`, the missing ones of a sweep, and publish each; the results folder is the only state.

    Ctrl+C (SIGINT) and SIGTERM end it within seconds: what is committed stays, and the next call goes on there.

    Args:
        trials: what to run; at least one.
        store_root: the results folder, a path or a URI.
        data_root: the folder of image sets, or None for the embedded ones.
        options: where, and what each trial holds.
        progress: told what happens.

    Raises:
        InputError: a trial that can never fit on the cluster, no Ray at the address, or damaged data.
        Stalled: nothing ran for too long, with what was wanted and what was there.
    """
    watch: Watch | None = None
    try:
        with _interruptible(), connected(options) as connection, _interruptible():
            nodes = live_nodes()
            packing = pack(trials, options, nodes)
            progress.say(f"running {len(trials)} trials, {packing}")
            shares = tuple(share_of(trial, options, nodes) for trial in trials)
            work = SharedWork(
                trials=tuple(trials),
                turns=(),
                own_code=tuple(own_sources(trial) for trial in trials),
                shares=shares,
                image_sets=_shared_image_sets(trials, data_root, progress),
                # Workers have a folder of their own.
                store_root=store_root if "://" in store_root else str(Path(store_root).resolve()),
                code=_CODE,
                trial_timeout_s=options.trial_timeout_s,
                max_failures=options.max_failures,
                scratch=str(connection.folder / "train"),
            )
            watch = Watch(work, options, progress)
            # A worker that dies for good takes the rest of its turn with it: that is scheduled again.
            while left := watch.left:
                before = len(left)
                work = replace(work, turns=turns_of(left, trials, shares, packing.at_once))
                watch.schedule(work)
                _schedule(work, options, connection, watch)
                if len(watch.left) == before:
                    raise RuntimeError(
                        f"Tune ended without a word of {before} trials; see {connection.folder}"
                    )
            if watch.failed:
                keep(connection.folder)
                progress.say(f"Ray's logs are in {connection.folder}, for {KEPT_DAYS} days")
    except KeyboardInterrupt:
        return SweepOutcome(watch.done if watch else 0, watch.failed if watch else 0, interrupted=True)
    return SweepOutcome(watch.done, watch.failed, interrupted=False)


def _shared_image_sets(
    trials: Sequence[Trial], data_root: Path | None, progress: Observer
) -> dict[ImageKey, ImageSet]:
    """The images of all trials, or their features, one copy a node."""
    found: dict[ImageKey, ImageSet] = {}
    for dataset, ood, embedding in dict.fromkeys(trial.image_key for trial in trials):
        files = ImageSetFiles.find(dataset, ood, data_root)
        found[dataset, ood, embedding] = (
            materialize_image_set(files)
            if embedding is None
            else embedded_image_set(
                files, embedding, data_root, run=run_on_ray, say=progress.say, share=SharedFeatures
            )
        )
    return found


def _schedule(work: SharedWork, options: ClusterOptions, connection: Connection, watch: Watch) -> None:
    """Let Tune run every turn. Tune draws them one by one, as places become free, and keeps no state."""
    shares = work.shares
    # What trials reserve is their limit, so that Ray always knows what waits. The trial of a worker group reserves
    # next to nothing by itself: there a number is the limit, which follows the nodes.
    in_groups = any(share.workers > 1 for share in shares)
    kinds = set(shares)
    tune.Tuner(
        tune.with_resources(
            tune.with_parameters(run_in_tune, work=work),
            lambda config: _reservation(shares[work.turns[config["turn"]][0]]),
        ),
        param_space={"turn": tune.grid_search(list(range(len(work.turns))))},
        tune_config=tune.TuneConfig(
            search_alg=GrowingGrid(lambda: at_once(kinds, options, live_nodes())) if in_groups else None,
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


def _reservation(share: Share) -> tune.PlacementGroupFactory:
    """What Tune reserves for a trial.

    A worker group reserves for itself, through Train, so its trial must not hold the CPUs that the workers wait
    for. A reservation of nothing is refused, hence the memory.
    """
    if share.workers > 1:
        return tune.PlacementGroupFactory([{"CPU": 0, "memory": 64 * 2**20}])
    return tune.PlacementGroupFactory([{"CPU": share.cpus} | ({"GPU": share.gpus} if share.gpus else {})])


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
