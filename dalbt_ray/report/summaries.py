"""What each trial and each method came to: area, final value, purity, up to the label count that is compared."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dalbt_ray.report.measures import MAIN, Measure

Axis = Literal["n_bought", "n_labeled"]
"""Labels paid for, OOD images included, or labels gained: the same where no image is OOD."""

ENDED_EARLY = ("stalled", "pool_exhausted")
"""More budget would have acquired nothing."""


def aubc(labels: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Area under the budget curve on the true label axis, which is normalized to [0, 1].

    The mean height of the piecewise linear curve: a constant accuracy of 0.8 gives 0.8 for any spacing of
    the rounds. Zhan et al. 2021 ("A comparative survey: benchmarking for pool-based active learning")
    normalize the same way; code that assumes equally spaced rounds goes wrong once budgets differ.

    Args:
        labels: float[r], strictly increasing numbers of labels.
        values: float[r], the metric after training on so many labels.

    Returns:
        The area, in the units of `values`; NaN for fewer than two rounds.
    """
    if len(labels) < 2 or labels[-1] == labels[0]:
        return float("nan")
    return float(np.trapezoid(values, labels) / (labels[-1] - labels[0]))


def horizons(rounds: pd.DataFrame) -> "pd.Series[float]":
    """Labels paid for, initial set left out, up to which a setting is compared: all finished trials have them.

    Trials that stalled, emptied their pool or diverged do not limit it. NaN where no trial has finished.
    """
    ends = rounds.drop_duplicates("trial_id", keep="last").set_index("setting")
    ends = ends[ends["finished"] & (ends["status"] != "diverged")]
    early = ends["status"].isin(ENDED_EARLY)
    least = ends.loc[~early, "n_bought"].groupby(level=0).min()
    # Only trials that ended by themselves: the one that went on longest says how far there was to go.
    most = ends.loc[early, "n_bought"].groupby(level=0).max()
    return least.combine_first(most).reindex(rounds["setting"].unique()).astype(np.float64)


def compared_rounds(rounds: pd.DataFrame) -> pd.DataFrame:
    """The rounds that comparisons are about: up to the horizon of their setting."""
    return rounds[rounds["n_bought"] <= rounds["setting"].map(horizons(rounds))]


def trial_summary(rounds: pd.DataFrame, metric: str = MAIN, axis: Axis = "n_bought") -> pd.DataFrame:
    """One row per trial: how far it got, and its value at the horizon and its AUBC up to it.

    A trial that ended early by itself (`stalled`, pool exhausted) keeps its last value to the horizon: dropping it
    would favor the strategy that stalls. A trial that is still running and has not come so far, or that diverged, has
    `complete = False`, and no AUBC or final value that could be mistaken for a comparable one.

    Args:
        rounds: prepared rounds.
        metric: the column to summarize.
        axis: the label axis of the area.

    Returns:
        Columns `setting, method, seed, trial_id, dataset, ood, budget, strategy, objective, finished, last_round,
        complete, status, initial, final, aubc, n_labeled, n_bought, n_ood_bought, purity` (cumulative). Counts are
        those at the horizon, or where the trial is if it is not complete; `last_round` is the trial's own.
    """
    names = ["trial_id", "setting", "method", "seed", "dataset", "ood", "budget", "strategy", "objective"]
    counts = ["n_labeled", "n_bought", "n_ood_bought"]
    trials = rounds.drop_duplicates("trial_id", keep="last")[[*names, "finished", "status", *counts]]
    trials = trials.set_index("trial_id", drop=False)
    trials["last_round"] = rounds.groupby("trial_id", sort=False)["round"].max()
    horizon = trials["setting"].map(horizons(rounds))
    ended_early = trials["status"].isin(ENDED_EARLY)
    trials["complete"] = (ended_early | (trials["n_bought"] >= horizon)) & (trials["status"] != "diverged")
    trials["complete"] &= horizon.notna()

    cut = compared_rounds(rounds)
    groups = cut.groupby("trial_id", sort=False)
    for name in counts:
        trials[name] = groups[name].last().reindex(trials.index).fillna(trials[name]).astype(np.int64)
    # One trapezoid per round and the one before it; the first round of a trial has none. A round without a label has
    # no value, so the area begins where there is one, and so does the range that it is divided by.
    measured = cut[cut[metric].notna()]
    groups = measured.groupby("trial_id", sort=False)
    width = groups[axis].diff()
    height = (measured[metric] + groups[metric].shift()) / 2
    area = (width * height).groupby(measured["trial_id"], sort=False).sum(skipna=True).reindex(trials.index)
    length = (groups[axis].last() - groups[axis].first()).reindex(trials.index)
    trials["initial"], trials["final"] = groups[metric].first(), groups[metric].last()
    if axis == "n_bought":
        rest = (horizon - trials["n_bought"]).clip(lower=0).where(ended_early, 0)
        area, length = area + rest * trials["final"], length + rest
    trials["aubc"] = (area / length.where(length > 0)).where(trials["complete"])
    trials["final"] = trials["final"].where(trials["complete"])
    mixed = (trials["n_bought"] > 0) & (trials["ood"] != "")
    trials["purity"] = 1.0 - trials["n_ood_bought"] / trials["n_bought"].where(mixed)
    return trials.reset_index(drop=True)


def summarize(rounds: pd.DataFrame, metric: str = MAIN, also: Sequence[Measure] = ()) -> pd.DataFrame:
    """One row per setting and method, best AUBC first: mean and spread over the complete seeds.

    Args:
        rounds: prepared rounds.
        metric: the column behind `final` and `aubc`.
        also: further measures whose values at the horizon are wanted.

    Returns:
        Columns `setting, method, n_seeds, n_running, n_diverged, n_stalled, rounds, n_labeled, aubc, aubc_sd, final,
        final_sd`, one column for each of `also`, `purity, purity_sd`. Spreads are sample standard deviations (NaN for
        one seed). `n_running` counts trials that are not finished and not yet at the horizon; neither they nor
        diverged ones are in a mean.
    """
    trials = trial_summary(rounds, metric)
    last = compared_rounds(rounds).groupby("trial_id").tail(1).set_index("trial_id")
    extra = [each.column for each in also if each.column != metric]
    for name in extra:
        trials[name] = last[name].reindex(trials["trial_id"]).to_numpy(np.float64)
    trials["n_running"] = ~trials["complete"] & ~trials["finished"]
    trials["n_diverged"] = trials["status"] == "diverged"
    trials["n_stalled"] = trials["status"] == "stalled"
    groups = trials.groupby(["setting", "method"], sort=False)
    done = trials[trials["complete"]].groupby(["setting", "method"], sort=False)
    means = ["n_labeled", "aubc", "final", *extra, "purity"]
    table = groups[["n_running", "n_diverged", "n_stalled"]].sum()
    table.insert(0, "n_seeds", done.size().reindex(table.index, fill_value=0))
    table["rounds"] = groups["last_round"].max()
    table = table.join(done[means].mean())
    for name in ("aubc", "final", "purity"):
        table[f"{name}_sd"] = done[name].std(ddof=1)
    counts = ["n_seeds", "n_running", "n_diverged", "n_stalled", "rounds", "n_labeled"]
    values = ["aubc", "aubc_sd", "final", "final_sd", *extra, "purity", "purity_sd"]
    table = table[[*counts, *values]].reset_index()
    order = {name: place for place, name in enumerate(rounds["setting"].unique())}
    table = table.sort_values("aubc", ascending=False, kind="stable")
    return table.sort_values("setting", key=lambda names: names.map(order), kind="stable", ignore_index=True)
