"""The committed rows of one trial, finished or running."""

from typing import Any

from dalbt_ray.results.published import read_trial
from dalbt_ray.results.results_store import ResultsStore
from dalbt_ray.results.storage.journal import read_rounds


def committed_rows(store: ResultsStore, trial_id: str) -> list[dict[str, Any]]:
    """The trial's rows of the table `rounds`, round 0 first; none if it has not begun.

    Raises:
        InputError: the trial is published and a file of it is damaged.
    """
    if trial_id in store.committed():
        rows: list[dict[str, Any]] = read_trial(store.storage, trial_id)["rounds"].to_pylist()
        return rows
    return [record["row"] for record in read_rounds(store.storage, trial_id)[0]]
