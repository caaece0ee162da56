"""What a tracker is."""

from typing import Any, Protocol


class Tracker(Protocol):
    """Somewhere to copy rounds to. Called from one background thread."""

    def log(self, trial_id: str, row: dict[str, Any]) -> None:
        """Copy one committed row of the `rounds` table; the step is its round."""

    def close(self) -> None:
        """Write out what is buffered."""


def metrics_of(row: dict[str, Any]) -> dict[str, float]:
    """The numbers of a row that are measurements, without the missing ones."""
    names = (
        "n_labeled",
        "n_bought",
        "purity",
        "test_accuracy",
        "test_nll",
        "test_ece",
        "train_accuracy",
        "validation_accuracy",
        "train_loss",
    )
    return {name: float(row[name]) for name in names if row.get(name) is not None}


def settings_of(row: dict[str, Any]) -> dict[str, str]:
    """What a trial is: the columns that are the same in each of its rows."""
    names = ("dataset", "ood", "strategy", "objective", "budget", "seed")
    return {name: str(row[name]) for name in names}


def name_of(row: dict[str, Any]) -> str:
    """A short name for a trial."""
    return " ".join(filter(None, (row["strategy"], row["objective"], f"seed {row['seed']}")))
