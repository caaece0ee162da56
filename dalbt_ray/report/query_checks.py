"""Sanity checks of queries: what was acquired, how it was counted, and that random is uniform."""

from math import sqrt

import numpy as np
import pandas as pd
from scipy.special import ndtr

from dalbt_ray.report.baselines import BASELINE
from dalbt_ray.report.check import Check, judged
from dalbt_ray.report.picks import Picks


def labels_grow(rounds: pd.DataFrame) -> Check:
    """Rounds follow one another; each acquires its budget, or what is left; labeled = initial set + acquired.

    No image of the pool gets lost: what is labeled and what is not add up to the same number in every round.
    """
    offenders = []
    for trial_id, trial in rounds.groupby("trial_id"):
        acquired, labeled = trial["n_bought"].to_numpy(), trial["n_labeled"].to_numpy()
        left = trial["n_unlabeled"].to_numpy()
        spent = np.diff(acquired) == np.minimum(trial["budget"].to_numpy()[1:], left[:-1])
        gained = labeled == labeled[0] + acquired - trial["n_ood_bought"].to_numpy()
        in_order = trial["round"].to_numpy() == np.arange(len(trial))
        # OOD images return to the pool, or are discarded: one of the two sums never changes.
        kept = labeled + left
        whole = [np.ptp(kept) == 0, np.ptp(kept + trial["n_ood_bought"].to_numpy()) == 0]
        if not (spent.all() and gained.all() and in_order.all() and any(whole) and acquired[0] == 0):
            offenders.append(trial_id)
    good = "Every round acquired its budget (or the rest of the pool), and labels add up."
    return judged("The labeled set grows as planned", offenders, good, "It does not in trials")


def picks_are_new(picks: dict[str, Picks]) -> Check:
    """No image twice in one query, and no in-distribution image acquired twice in a trial."""
    title = "No image is acquired twice"
    total = sum(len(each.images) for each in picks.values())
    if not total:
        return Check(title, "not applicable", "Nothing has been acquired yet.")
    offenders = []
    for trial_id, each in picks.items():
        own = each.images[~each.is_ood]
        # An image and its round as one number: equal ones are the same image in one query.
        at_once = each.images * (each.rounds.max(initial=0) + 1) + each.rounds
        # By hashing: `np.unique` sorts as well, a second for the six million queries of the paper's grid.
        if len(pd.unique(own)) < len(own) or len(pd.unique(at_once)) < len(at_once):
            offenders.append(trial_id)
    good = f"{total:,} queries: distinct within a round, and no labeled image was acquired again."
    return judged(title, offenders, good, "Images were acquired twice in trials")


def queries_add_up(rounds: pd.DataFrame, picks: dict[str, Picks]) -> Check:
    """The two tables must tell the same story."""
    title = "Queries are counted the same in both tables"
    last = rounds.groupby("trial_id")[["n_bought", "n_ood_bought"]].last()
    told = zip(last.index, last["n_bought"], last["n_ood_bought"], strict=True)
    offenders = [
        trial_id
        for trial_id, acquired, ood in told
        if (acquired, ood) != (len(picks[trial_id].images), int(picks[trial_id].is_ood.sum()))
    ]
    return judged(title, offenders, "Rounds and selections agree in every trial.", "They differ in trials")


def random_is_uniform(rounds: pd.DataFrame) -> Check:
    """Random's purity must be what drawing without replacement from the images available gives.

    Each query is hypergeometric given the ones before, so means and variances add up over rounds and
    trials. An OOD image that was returned is not offered again until all others have been, so only the
    fresh ones count.
    """
    title = "Random acquires OOD images at the base rate"
    random = rounds[(rounds["strategy"] == BASELINE) & (rounds["ood"] != "")]
    seen = expected = variance = 0.0
    n = 0
    for _, trial in random.groupby("trial_id"):
        ood_acquired = trial["n_ood_bought"].to_numpy(np.float64)
        share, left = trial["pool_ood_share"].to_numpy(np.float64), trial["n_unlabeled"].to_numpy(np.float64)
        acquired = np.diff(trial["n_bought"].to_numpy(np.float64))
        if not len(acquired):
            continue
        first = round(share[1] * left[0])
        for r, draws in enumerate(acquired, start=1):
            fresh = first - ood_acquired[r - 1]
            pool = left[r - 1] * (1 - share[r]) + fresh
            if fresh <= 0 or pool <= draws or trial["n_repeat"].to_numpy()[r]:
                break
            rate = fresh / pool
            seen += ood_acquired[r] - ood_acquired[r - 1]
            expected += draws * rate
            variance += draws * rate * (1 - rate) * (pool - draws) / (pool - 1)
            n += int(draws)
    if not variance:
        return Check(title, "not applicable", "No random query from a mixed pool.")
    z = (seen - expected) / sqrt(variance)
    p = 2 * float(ndtr(-abs(z)))
    sentence = (
        f"{seen:.0f} of {n} images were OOD; {expected:.1f} ± {sqrt(variance):.1f} expected (p = {p:.2g})."
    )
    return Check(title, "passed" if p > 1e-3 else "failed", sentence)
