"""Open-set pools in numbers: purity query by query, how well OOD images were told apart, how near the ceiling is."""

import numpy as np
import pandas as pd

from dalbt_ray.report.curves import carried_on
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import trial_summary


def purity_course(rounds: pd.DataFrame) -> pd.DataFrame:
    """Mean purity of each query: columns `setting, method, query` (1, 2, ...), `purity` over the seeds.

    A trial that stalled counts on with its last purity, as in curves: else the mean would be that of the seeds that
    went on.
    """
    rounds = carried_on(rounds)
    each = rounds[(rounds["ood"] != "") & rounds["purity"].notna()].rename(columns={"round": "query"})
    return each.groupby(["setting", "method", "query"], sort=False)["purity"].mean().reset_index()


def open_set_summary(study: Study) -> pd.DataFrame:
    """One row per mixed setting and method, means over its seeds; empty without mixed pools.

    Returns:
        `setting, method, is_control, n_seeds` (with a query so far); `openness` (share of OOD images on offer to the
        first query); `labels_per_paid`; `last_purity` of the last query; `ood_auroc` of the ranking, mean over queries
        (1: OOD images first); `detector_auroc` at the last query that has one; `gain` in AUBC over the method's
        random, complete seeds that both have; `ceiling_share` of the gain of the best control of the setting, NaN
        where that has none.
    """
    mixed = study.rounds[study.rounds["ood"] != ""]
    if mixed.empty:
        return pd.DataFrame()
    queries = mixed[mixed["pool_ood_share"].notna()].sort_values(["trial_id", "round"])
    keys = ["setting", "method"]
    trials = queries.groupby([*keys, "seed", "trial_id"], sort=False).agg(
        openness=("pool_ood_share", "first"),
        bought=("n_bought", "last"),
        wasted=("n_ood_bought", "last"),
        last_purity=("purity", "last"),
        ood_auroc=("ood_auroc", "mean"),
        detector_auroc=("detector_auroc", "last"),
    )
    trials["labels_per_paid"] = 1 - trials["wasted"] / trials["bought"]
    groups = trials.groupby(keys, sort=False)
    columns = ["openness", "labels_per_paid", "last_purity", "ood_auroc", "detector_auroc"]
    table = groups[columns].mean()
    table.insert(0, "n_seeds", groups.size())
    table.insert(0, "is_control", [method in study.controls for _, method in table.index])
    table["gain"] = gains(study).reindex(table.index)
    ceilings = table["gain"].where(table["is_control"]).groupby(level="setting").max()
    ceiling = ceilings.reindex(table.index.get_level_values("setting")).to_numpy()
    table["ceiling_share"] = table["gain"] / np.where(ceiling > 0, ceiling, np.nan)
    return table.reset_index()


def gains(study: Study) -> "pd.Series[float]":
    """Mean difference in AUBC from a method's random, over the seeds that both have whole; by setting and method."""
    trials = trial_summary(study.rounds)
    found = {}
    for setting, group in trials[trials["complete"]].groupby("setting", sort=False):
        areas = group.pivot_table(index="seed", columns="method", values="aubc")
        for method in areas.columns:
            baseline = study.baseline(str(setting), method)
            if baseline != method and baseline in areas:
                found[str(setting), method] = float((areas[method] - areas[baseline]).mean())
    return pd.Series(found, dtype=np.float64)
