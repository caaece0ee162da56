"""What the methods cost: seconds by part of a round, time of all workers per trial and per point of accuracy."""

from collections.abc import Mapping

import pandas as pd

from dalbt_ray.report.acquired import trial_keys
from dalbt_ray.report.measures import MAIN

PARTS = ["train", "auxiliary", "score", "select", "evaluate"]


def cost_summary(
    timings: pd.DataFrame, rounds: pd.DataFrame, workers: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """One row per setting and method, means over trials.

    Args:
        timings: the `timings` frame.
        rounds: a prepared `rounds` frame.
        workers: workers that a trial had, by trial id; 1 where it is not listed. What part of a device each of them
            held is not recorded.

    Returns:
        `setting, method, n_trials, round_seconds` (median over rounds), one column of seconds a trial for
        every part (`train, auxiliary, score, select, evaluate, other`), `trial_seconds`, `worker_seconds` a
        trial (times its workers), and `worker_seconds_per_point`: these over the points of test accuracy gained
        since round 0 (NaN where nothing was gained).
    """
    first = rounds.groupby("trial_id")[MAIN].first()
    last = rounds.groupby("trial_id")[MAIN].last()
    columns = [f"{part}_seconds" for part in PARTS] + ["total_seconds"]
    totals = timings.groupby("trial_id")[columns].sum()
    totals = totals.join(trial_keys(rounds), how="inner")
    totals["other_seconds"] = totals["total_seconds"] - totals[columns[:-1]].sum(axis=1)
    times = [(workers or {}).get(str(trial_id), 1) for trial_id in totals.index]
    totals["worker_seconds"] = totals["total_seconds"] * times
    gained = (100 * (last - first)).reindex(totals.index)
    totals["worker_seconds_per_point"] = totals["worker_seconds"] / gained.where(gained > 0)
    groups = totals.groupby(["setting", "method"], sort=False)
    parts = [*columns[:-1], "other_seconds"]
    table = groups[[*parts, "total_seconds", "worker_seconds", "worker_seconds_per_point"]].mean()
    table = table.rename(columns={name: name.removesuffix("_seconds") for name in parts})
    table = table.rename(columns={"total_seconds": "trial_seconds"})
    table.insert(0, "n_trials", groups.size())
    each = timings.join(trial_keys(rounds), on="trial_id", how="inner")
    table.insert(1, "round_seconds", each.groupby(["setting", "method"])["total_seconds"].median())
    return table.reset_index()
