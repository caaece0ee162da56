"""Whole trials in several processes that share one device."""

import tempfile
import time
from dataclasses import replace
from typing import Any

import torch

from dalbt_ray.config import Training, Trial
from dalbt_ray.data.image_set import load_image_set
from dalbt_ray.data.splits import SplitSettings
from dalbt_ray.results import ResultsStore
from dalbt_ray.trial.rounds import run_trial
from on_gpu.run import Run

LIMIT_S = 60


def together(run: Run) -> None:
    """DALBT with LeNet on the embedded images, three rounds each; importing and a first short trial do not count."""
    context = torch.multiprocessing.get_context("spawn")
    for count in run.scale.together:
        barrier, answers = context.Barrier(count), context.SimpleQueue()
        processes = [
            context.Process(
                target=_trial, args=(seed, run.device, run.scale.steps, barrier, answers), daemon=True
            )
            for seed in range(count)
        ]
        try:
            for process in processes:
                process.start()
            for process in processes:
                process.join(LIMIT_S)
                if process.exitcode != 0:
                    raise RuntimeError(
                        f"a trial of {count} did not end well within {LIMIT_S} s: {process.exitcode}"
                    )
            seconds = [answers.get() for _ in processes]
        finally:
            for process in processes:
                process.terminate()
        run.tell(
            trials=count,
            seconds_of_a_trial=sum(seconds) / count,
            trials_per_minute=60 * count / max(seconds),
            steps_per_second=3 * count * run.scale.steps / max(seconds),
        )


def _trial(seed: int, device: torch.device, steps: int, barrier: Any, answers: Any) -> None:
    torch.set_num_threads(1)
    image_set = load_image_set("fashion_mini")
    trial = Trial(
        dataset="fashion_mini",
        rounds=2,
        budget=100,
        seed=seed,
        splits=SplitSettings(train_limit=None, validation_size=1_000),
        training=Training(epochs=1, min_steps=steps),
    )
    for each in (replace(trial, rounds=0, training=Training(epochs=1)), trial):
        with tempfile.TemporaryDirectory() as folder:
            store = ResultsStore(folder)
            store.create_or_open({"sweep": "gpu"})
            barrier.wait(LIMIT_S)
            began = time.perf_counter()
            run_trial(each, image_set, store, device=device)
            seconds = time.perf_counter() - began
    answers.put(seconds)
