"""Aggregates over settings and seeds: probability of improvement and performance profiles (Agarwal et al. 2021)."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dalbt_ray.report.paired import half_width
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import trial_summary


def gains(study: Study) -> pd.DataFrame:
    """Every complete trial's AUBC minus that of its own random with the same seed.

    Settings differ in difficulty, so scores are compared as gains; random itself has none.

    Returns:
        `setting, method, seed, aubc, baseline_aubc, gain`.
    """
    trials = trial_summary(study.rounds)
    trials = trials[trials["aubc"].notna()][["setting", "method", "seed", "aubc"]]
    cells = trials[["setting", "method"]].drop_duplicates()
    found = [study.baseline(s, m) for s, m in cells.itertuples(index=False)]
    cells["baseline"] = pd.Series(found, index=cells.index, dtype=object)
    cells = cells[cells["baseline"].notna() & (cells["baseline"] != cells["method"])]
    randoms = trials.rename(columns={"method": "baseline", "aubc": "baseline_aubc"})
    pairs = trials.merge(cells, on=["setting", "method"]).merge(randoms, on=["setting", "baseline", "seed"])
    return pairs.assign(gain=pairs["aubc"] - pairs["baseline_aubc"]).drop(columns="baseline")


def probability_of_improvement(study: Study) -> pd.DataFrame:
    """How likely a run of a method is to beat a run of its random: mean over settings of the Mann-Whitney statistic.

    Agarwal et al. 2021 ("Deep reinforcement learning at the edge of the statistical precipice", section 4.3): per
    setting the share of all pairs of runs in which the method is better, ties half. Runs are not paired on seeds here.
    Their interval is a bootstrap over runs, too narrow for a few seeds; ours is a t interval over settings, given from
    three settings on.

    Returns:
        `method, n_settings, probability, low, high, better_seeds, n_seeds` (pairs of equal seed, and in how many of
        them the method is better), best first.
    """
    runs = gains(study)
    rows = []
    for method, group in runs.groupby("method"):
        each = np.array([
            _share_above(one["aubc"].to_numpy(np.float64), one["baseline_aubc"].to_numpy(np.float64))
            for _, one in group.groupby("setting")
        ])  # fmt: skip
        mean, n = float(each.mean()), len(each)
        half = float(half_width(np.array([each.std(ddof=1)]), np.array([n]))[0]) if n >= 3 else float("nan")
        low, high = np.clip([mean - half, mean + half], 0.0, 1.0)  # which keeps NaN
        rows.append((method, n, mean, low, high, int((group["gain"] > 0).sum()), len(group)))
    columns = ["method", "n_settings", "probability", "low", "high", "better_seeds", "n_seeds"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["probability", "method"], ascending=[False, True], ignore_index=True)


def _share_above(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The share of pairs in which `one` is larger; ties count half."""
    difference = one[:, None] - other[None, :]
    return float((difference > 0).mean() + (difference == 0).mean() / 2)


def performance_profiles(study: Study, steps: int = 81) -> pd.DataFrame:
    """The share of runs whose gain over random is above a threshold, mean over settings, for many thresholds.

    Higher is better everywhere; where two profiles cross, neither method is better throughout.

    Returns:
        Thresholds (gains in AUBC) as index, methods as columns; empty without gains.
    """
    runs = gains(study)
    if runs.empty:
        return pd.DataFrame()
    thresholds = np.linspace(runs["gain"].min(), runs["gain"].max(), steps)
    profiles = {
        str(method): np.mean(
            [
                (one["gain"].to_numpy()[:, None] > thresholds).mean(axis=0)
                for _, one in group.groupby("setting")
            ],
            axis=0,
        )
        for method, group in runs.groupby("method")
    }
    return pd.DataFrame(profiles, index=pd.Index(thresholds, name="gain"))
