"""Copies of committed rounds for MLflow, TensorBoard and Weights & Biases. The Parquet tables stay the truth."""

from dalbt_ray.errors import InputError
from dalbt_ray.launch.trackers.tracker import Tracker

TRACKERS = ("mlflow", "tensorboard", "wandb")


def open_tracker(name: str, folder: str, sweep: str) -> Tracker:
    """The tracker called `name`.

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

            return MlflowTracker(folder, sweep)
        if name == "wandb":
            from dalbt_ray.launch.trackers.wandb import WandbTracker

            return WandbTracker(folder, sweep)
        from dalbt_ray.launch.trackers.tensorboard import TensorBoardTracker

        return TensorBoardTracker(folder)
    except ImportError as error:
        raise InputError(
            "track",
            name,
            f"needs a package that is missing ({error.name})",
            remedy="pip install 'dalbt-ray[trackers]'",
        ) from None
