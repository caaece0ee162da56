"""TensorBoard event files, one folder a trial: `tensorboard --logdir <results>/tracking`."""

import re
from pathlib import Path

from tensorboardX import SummaryWriter

from dalbt_ray.launch.trackers.tracker import Status, TrackedRound, TrackedTrial


class TensorBoardTracker:
    """Writes event files below `folder`, in folders that are called as the trials are."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._writers: dict[str, SummaryWriter] = {}

    def begin(self, trial: TrackedTrial, *, whole: bool) -> None:
        """An event file that starts with the parameters; those of an earlier copy of the whole trial go."""
        name = re.sub(r"[^\w.=+-]+", "_", trial.name).strip("_")
        folder = self._folder / f"{name}_{trial.trial_id[:6]}"
        for old in folder.glob("events.out.tfevents.*") if whole else ():
            old.unlink()
        writer = SummaryWriter(str(folder))
        lines = [f"| {path} | {value} |" for path, value in trial.parameters.items()]
        writer.add_text(
            "parameters", "\n".join(["| parameter | value |", "|---|---|", *lines]), walltime=trial.started
        )
        self._writers[trial.trial_id] = writer

    def log(self, trial_id: str, row: TrackedRound) -> None:
        """One scalar per measure, at the labels as step and the time at which the round was over."""
        for name, value in row.measures.items():
            self._writers[trial_id].add_scalar(name, value, row.labels, walltime=row.ended)
        self._writers[trial_id].flush()

    def end(self, trial_id: str, status: Status, ended: float) -> None:
        """Close the file; its last entry is the status."""
        writer = self._writers.pop(trial_id)
        writer.add_text("status", status, walltime=ended)
        writer.close()

    def attach(self, report: Path) -> None:
        """Nothing: TensorBoard shows no pages. The report is in the results folder."""

    def close(self) -> None:
        """Nothing is buffered."""
