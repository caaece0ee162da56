"""Run trials one after the other in this process, without Ray: for debugging, and as the reference."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

import torch

from dalbt_ray.config import ImageKey, Trial
from dalbt_ray.data.embedding.embedded_set import load_images
from dalbt_ray.data.image_set import ImageSet
from dalbt_ray.data.sources import user_cache
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.failures import TrialTimeout, exit_fails_the_trial, hint_for, in_one_line
from dalbt_ray.trial.observer import Observer
from dalbt_ray.trial.outcome import SweepOutcome
from dalbt_ray.trial.rounds import run_trial
from dalbt_ray.trial.training import Stopped


def run_in_process(
    trials: Sequence[Trial],
    store_root: str,
    data_root: Path | None,
    progress: Observer,
    stop: Callable[[], bool] = lambda: False,
    trial_timeout_s: float | None = None,
) -> SweepOutcome:
    """Run `trials` in order, those that share images together, on the GPU if there is one and else on one core.

    One torch thread, as every trial on a CPU has under Ray: the last bits of a sum depend on the thread count.
    """
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    store = ResultsStore(store_root)
    cache = user_cache(os.environ)
    image_sets: dict[ImageKey, ImageSet] = {}
    done = failed = 0
    for trial in _by_images(trials):
        images = trial.image_key
        if images not in image_sets:
            image_sets = {
                images: load_images(*images, data_root, cache, progress.say)
            }  # one at a time in memory
        image_set = image_sets[images]
        trial_id = trial.trial_id(image_set.data_hash)
        ends = None if trial_timeout_s is None else monotonic() + trial_timeout_s
        progress.started(trial_id, trial.label, trial.rounds + 1)
        try:
            with exit_fails_the_trial():
                run_trial(
                    trial,
                    image_set,
                    store,
                    device=device,
                    cache=cache,
                    on_round=lambda record, key=trial_id: progress.round(key, record.row.columns()),  # type: ignore[misc]
                    stop=lambda ends=ends: stop() or (ends is not None and monotonic() >= ends),  # type: ignore[misc]
                )
        except Exception as raised:
            if isinstance(raised, Stopped) and stop():
                return SweepOutcome(done, failed, interrupted=True)
            late = TrialTimeout(f"not finished after trial_timeout_s = {trial_timeout_s}")
            error = late if isinstance(raised, Stopped) else raised
            store.record_error(trial_id, error, hint_for(error))
            progress.failed(trial_id, in_one_line(error))
            failed += 1
        else:
            progress.finished(trial_id)
            done += 1
    return SweepOutcome(done, failed, interrupted=False)


def _by_images(trials: Sequence[Trial]) -> list[Trial]:
    """In order, but all trials of one image set before those of the next."""
    order = list(dict.fromkeys(trial.image_key for trial in trials))
    return sorted(trials, key=lambda trial: order.index(trial.image_key))
