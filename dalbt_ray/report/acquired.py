"""What the strategies acquired: purity in mixed pools, class balance, and how much their choices overlap."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import entr

from dalbt_ray.report.picks import Picks


def purity_by_round(rounds: pd.DataFrame) -> pd.DataFrame:
    """The purity family of every query in a mixed pool, round by round.

    Args:
        rounds: a prepared `rounds` frame.

    Returns:
        One row per trial and query: `setting, method, seed, trial_id, round`; `acquired, gained, wasted`
        in this round; `purity` (in-distribution images among the acquired; MQ-Net's purity, LfOSA's precision);
        `cumulative` purity; `base_rate` (in-distribution images among those available); `enrichment` (purity over base
        rate: 1 for a uniform draw); `repeats` (images acquired before, found OOD, and acquired again).

    """
    mixed = rounds[rounds["ood"] != ""].sort_values(["trial_id", "round"])
    before = mixed.groupby("trial_id")[["n_bought", "n_ood_bought"]].shift(1)
    frame = mixed[["setting", "method", "seed", "trial_id", "round"]].copy()
    frame["acquired"] = mixed["n_bought"] - before["n_bought"]
    frame["wasted"] = mixed["n_ood_bought"] - before["n_ood_bought"]
    frame["gained"] = frame["acquired"] - frame["wasted"]
    frame["purity"] = frame["gained"] / frame["acquired"].where(frame["acquired"] > 0)
    frame["cumulative"] = 1 - mixed["n_ood_bought"] / mixed["n_bought"].where(mixed["n_bought"] > 0)
    frame["base_rate"] = 1 - mixed["pool_ood_share"]
    frame["enrichment"] = frame["purity"] / frame["base_rate"].where(frame["base_rate"] > 0)
    frame["repeats"] = mixed["n_repeat"]
    return frame[frame["acquired"].notna()].sort_index(ignore_index=True)


def purity_summary(rounds: pd.DataFrame) -> pd.DataFrame:
    """One row per setting and method: totals and means over the seeds' last committed rounds.

    Returns:
        `setting, method, n_seeds, acquired, gained, wasted` (means over seeds), `purity, purity_sd`
        (cumulative), `enrichment` (mean over rounds and seeds), `repeats` (mean share of all queries),
        `empty_rounds` (queries without a single label).
    """
    each = purity_by_round(rounds)
    totals = each.groupby(["setting", "method", "seed", "trial_id"], sort=False).agg(
        acquired=("acquired", "sum"),
        gained=("gained", "sum"),
        wasted=("wasted", "sum"),
        enrichment=("enrichment", "mean"),
        repeats=("repeats", "sum"),
        empty_rounds=("gained", lambda gained: int((gained == 0).sum())),
    )
    totals["purity"] = totals["gained"] / totals["acquired"]
    totals["repeats"] /= totals["acquired"]
    groups = totals.groupby(["setting", "method"], sort=False)
    table = groups[["acquired", "gained", "wasted", "purity", "enrichment", "repeats", "empty_rounds"]].mean()
    table.insert(0, "n_seeds", groups.size())
    table.insert(5, "purity_sd", groups["purity"].std(ddof=1))
    return table.reset_index()


def class_balance(
    picks: dict[str, Picks], rounds: pd.DataFrame, n_classes: int | None = None
) -> pd.DataFrame:
    """How evenly the classes were acquired; OOD images have no class and are left out.

    Args:
        picks: queries by trial.
        rounds: a prepared `rounds` frame.
        n_classes: number of classes; by default, per setting, the largest label acquired plus one.

    Returns:
        Per setting and method, means over seeds: `entropy` of the class shares, 1 for equal shares and 0 for one
        class; `rarest` and `commonest` class share.
    """
    trials = trial_keys(rounds)
    largest = pd.Series({name: each.labels.max(initial=0) for name, each in picks.items()})
    sizes = largest.groupby(trials["setting"]).max() + 1
    rows = []
    for name, trial in trials.iterrows():
        labels = picks[str(name)].labels[~picks[str(name)].is_ood]
        if len(labels):
            size = n_classes or int(sizes[trial["setting"]])
            shares = np.bincount(labels, minlength=size) / len(labels)
            entropy = float(entr(shares).sum() / np.log(size)) if size > 1 else 1.0
            rows.append((trial["setting"], trial["method"], entropy, shares.min(), shares.max()))
    frame = pd.DataFrame(rows, columns=["setting", "method", "entropy", "rarest", "commonest"])
    return frame.groupby(["setting", "method"], sort=False, as_index=False).mean()


def selection_overlap(picks: dict[str, Picks], rounds: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Jaccard overlap of what two methods acquired with one seed, averaged over seeds.

    A pair of trials is cut to the rounds that both have: a running trial is not punished for what it has not
    acquired yet. A method against itself is compared between different seeds.

    Args:
        picks: queries by trial.
        rounds: a prepared `rounds` frame.
        setting: one of its settings.

    Returns:
        A symmetric frame, methods in rows and columns; NaN where no seed has both.
    """
    trials = trial_keys(rounds)
    trials = trials[trials["setting"] == setting]
    trials = trials[[len(picks[str(name)].images) > 0 for name in trials.index]]
    overlap = _overlaps([picks[str(name)] for name in trials.index])
    seed, method = trials["seed"].to_numpy(), trials["method"].to_numpy()
    same_method, same_seed = method[:, None] == method, seed[:, None] == seed
    overlap[same_method == same_seed] = np.nan
    frame = pd.DataFrame(overlap, index=method, columns=method)
    return frame.T.groupby(level=0).mean().T.groupby(level=0).mean()


def trial_keys(rounds: pd.DataFrame) -> pd.DataFrame:
    """One row per trial with `setting, method, seed, dataset`, indexed by `trial_id`; `rounds` is prepared."""
    return rounds.drop_duplicates("trial_id").set_index("trial_id")[["setting", "method", "seed", "dataset"]]


def _overlaps(trials: list[Picks]) -> NDArray[np.float64]:
    """Jaccard of all pairs of trials, each pair up to the last round that both have."""
    n = len(trials)
    result = np.full((n, n), np.nan)
    lasts = np.array([trial.rounds.max(initial=0) for trial in trials])
    for last in np.unique(lasts):
        images = [trial.until(int(last)).images for trial in trials]
        columns, distinct = pd.factorize(np.concatenate(images))
        rows = np.repeat(np.arange(n), [len(one) for one in images])
        member = sparse.csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape=(n, len(distinct)))
        member.sum_duplicates()  # an image that was acquired again is one entry,
        member.data[:] = 1  # and one member of the trial's set
        both = (member @ member.T).toarray()
        size = both.diagonal()
        here = np.minimum(lasts[:, None], lasts) == last
        result[here] = (both / np.maximum(size[:, None] + size - both, 1))[here]
    return result
