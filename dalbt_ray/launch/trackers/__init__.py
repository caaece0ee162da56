"""Copies of committed rounds for MLflow, TensorBoard and Weights & Biases. The Parquet tables stay the truth."""

from collections.abc import Callable
from functools import partial

from dalbt_ray.errors import InputError
from dalbt_ray.launch.trackers.tracker import Tracker

TRACKERS = ("mlflow", "tensorboard", "wandb")


def open_tracker(name: str, folder: str, sweep: str) -> Tracker:
    """The tracker called `name`, connected; arguments and errors as in `tracker_maker`."""
    return tracker_maker(name, folder, sweep)()


def tracker_maker(name: str, folder: str, sweep: str) -> Callable[[], Tracker]:
    """What connects to the tracker called `name` when it is called: its server may be slow, or not be there.

    Args:
        name: one of `TRACKERS`.
        folder: where trackers that write files write them: `<results>/tracking`.
        sweep: the name that groups the runs.

    Raises:
        InputError: an unknown name, or a tracker whose package is not installed.
    """
    if name not in TRACKERS:
        raise InputError("track", name, "is not a tracker", allowed=TRACKERS)
    try:
        if name == "mlflow":
            from dalbt_ray.launch.trackers.mlflow import MlflowTracker

            return partial(MlflowTracker, folder, sweep)
        if name == "wandb":
            from dalbt_ray.launch.trackers.wandb import WandbTracker

            return partial(WandbTracker, folder, sweep)
        from dalbt_ray.launch.trackers.tensorboard import TensorBoardTracker

        return partial(TensorBoardTracker, folder)
    except ImportError as error:
        raise InputError(
            "track",
            name,
            f"needs a package that is missing ({error.name})",
            remedy="pip install 'dalbt-ray[trackers]'",
        ) from None
