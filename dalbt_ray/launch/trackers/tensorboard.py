"""TensorBoard event files, one folder a trial: `tensorboard --logdir <results>/tracking`."""

from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter

from dalbt_ray.launch.trackers.tracker import metrics_of


class TensorBoardTracker:
    """Writes event files below `folder`."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._writers: dict[str, SummaryWriter] = {}

    def log(self, trial_id: str, row: dict[str, Any]) -> None:
        """One scalar per measurement, at the round as step."""
        if trial_id not in self._writers:
            self._writers[trial_id] = SummaryWriter(str(self._folder / trial_id))
        for name, value in metrics_of(row).items():
            self._writers[trial_id].add_scalar(name, value, row["round"])
        self._writers[trial_id].flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
