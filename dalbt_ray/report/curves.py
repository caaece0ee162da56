"""Learning curves of the methods, and their differences to random sampling, with intervals over seeds."""

import numpy as np
import pandas as pd

from dalbt_ray.report.measures import MAIN
from dalbt_ray.report.paired import half_width
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import ENDED_EARLY, compared_rounds

POINT = ["setting", "method", "round"]


def learning_curves(rounds: pd.DataFrame, metric: str = MAIN) -> pd.DataFrame:
    """Mean curve of every method with its 95 % t interval over seeds, round by round.

    Args:
        rounds: prepared rounds, whole: curves are drawn beyond the horizon of comparisons.
        metric: the column to draw; rounds where it is missing are left out.

    Returns:
        One row per setting, method and round: `setting, method, round, n_labeled, n_bought` (means over
        seeds), `mean, low, high, sd, n_seeds`. No interval where only one seed has the round. Trials that ended early
        by themselves count on with their last values, see `carried_on`.
    """
    rounds = carried_on(rounds)
    return _over_seeds(rounds[rounds[metric].notna()], metric)


def differences(study: Study, metric: str = MAIN) -> pd.DataFrame:
    """Curves of every method minus its own random, paired on seed and round, with 95 % t intervals.

    Returns:
        The columns of `learning_curves`, and `baseline`; nothing for random itself or where there is none.
    """
    rounds = carried_on(study.rounds)
    rounds = rounds[rounds[metric].notna()]
    cells = rounds[["setting", "method"]].drop_duplicates()
    found = [study.baseline(s, m) for s, m in cells.itertuples(index=False)]
    cells["baseline"] = pd.Series(found, index=cells.index, dtype=object)
    cells = cells[cells["baseline"].notna() & (cells["baseline"] != cells["method"])]
    pairs = rounds.merge(cells, on=["setting", "method"]).merge(
        rounds[["setting", "method", "seed", "round", metric]].rename(columns={"method": "baseline"}),
        on=["setting", "baseline", "seed", "round"],
        suffixes=("", "_random"),
    )
    pairs[metric] -= pairs[f"{metric}_random"]
    return _over_seeds(pairs, metric).merge(cells, on=["setting", "method"])


def carried_on(rounds: pd.DataFrame) -> pd.DataFrame:
    """The rounds, and those up to the horizon that trials which ended early by themselves lack, at their last values.

    Without them the mean of the later rounds would be that of the seeds that did not stall. Labels paid for are those
    of the other trials in that round.
    """
    last = rounds.drop_duplicates("trial_id", keep="last")
    early = last[last["status"].isin(ENDED_EARLY)]
    if early.empty:
        return rounds
    end = compared_rounds(rounds).groupby("setting")["round"].max()
    missing = (early["setting"].map(end) - early["round"]).clip(lower=0).fillna(0).astype(int)
    more = early.loc[early.index.repeat(missing)]
    more = more.assign(round=more["round"] + more.groupby("trial_id").cumcount() + 1)
    paid = rounds.groupby(["setting", "round"])["n_bought"].max()
    more["n_bought"] = paid.reindex(pd.MultiIndex.from_frame(more[["setting", "round"]])).to_numpy()
    return pd.concat([rounds, more], ignore_index=True)


def _over_seeds(rounds: pd.DataFrame, metric: str) -> pd.DataFrame:
    groups = rounds.groupby(POINT)
    curves = groups[["n_labeled", "n_bought"]].mean()
    curves["mean"] = groups[metric].mean()
    sd, n = groups[metric].std(ddof=1), groups[metric].count()
    half = half_width(np.asarray(sd, np.float64), np.asarray(n, np.int64))
    curves["low"], curves["high"] = curves["mean"] - half, curves["mean"] + half
    curves["sd"], curves["n_seeds"] = sd, n
    return curves.reset_index()
