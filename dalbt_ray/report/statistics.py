"""What a sweep can and cannot show: every method against random sampling, paired, corrected, with power.

Every comparison joins two methods on the seed, because a seed fixes the initial set, the validation set and
the splits of both. The BADGE authors' `scripts/agg_results.py` and code derived from it join on the
position in an array instead, and pair wrong runs as soon as one is missing.
"""

import numpy as np
import pandas as pd

from dalbt_ray.report.paired import detectable_difference, holm, paired_t_test, smallest_exact_p
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import trial_summary

ALPHA = 0.05
"""Level of every test, after Holm's correction."""


def compare_with_random(study: Study, value: str = "aubc") -> pd.DataFrame:
    """Every method against uniform sampling, paired on seeds, corrected within the setting (Holm).

    Who meets whom, and what the difference shows: `dalbt_ray.report.baselines.pairs`.

    Args:
        study: a prepared study.
        value: `aubc` or `final`.

    Returns:
        `setting, method, baseline, shows, n_seeds, dropped_seeds` (seeds that only one of the two has completed),
        `difference, low, high, sd, p, detectable, p_holm`: positive where the method is better;
        `detectable` has 80 % power at this n and spread.
    """
    trials = trial_summary(study.rounds)
    rows = []
    for setting, group in trials.groupby("setting", sort=False):
        pairs = study.pairs(str(setting))
        if not pairs:
            continue
        table = group.pivot_table(index="seed", columns="method", values=value, dropna=False)
        a = table[[pair.method for pair in pairs]].to_numpy(np.float64)
        b = table[[pair.baseline for pair in pairs]].to_numpy(np.float64)
        test = paired_t_test(a - b)
        alone = np.isnan(a) != np.isnan(b)
        corrected = holm(test.p)
        for i, pair in enumerate(pairs):
            rows.append(
                {
                    "setting": setting,
                    "method": pair.method,
                    "baseline": pair.baseline,
                    "shows": pair.shows,
                    "n_seeds": int(test.n[i]),
                    "dropped_seeds": " ".join(str(seed) for seed in table.index[alone[:, i]]),
                    "difference": test.mean[i],
                    "low": test.low[i],
                    "high": test.high[i],
                    "sd": test.sd[i],
                    "p": test.p[i],
                    "detectable": detectable_difference(float(test.sd[i]), int(test.n[i])),
                    "p_holm": corrected[i],
                }
            )
    columns = "setting method baseline shows n_seeds dropped_seeds difference low high sd p detectable p_holm"
    return pd.DataFrame(rows, columns=columns.split())


def power_sentence(comparisons: pd.DataFrame) -> str:
    """What the number of seeds allows, in one sentence for a paper's method section.

    Args:
        comparisons: rows of `compare_with_random`, usually of one setting.
    """
    usable = comparisons[comparisons["n_seeds"] >= 2]
    if usable.empty:
        return "With fewer than two paired seeds no test is possible and no spread is known: add seeds."
    n = int(usable["n_seeds"].min())
    sd = float(np.sqrt((usable["sd"] ** 2).mean()))
    smallest = detectable_difference(sd, n)
    return (
        f"n seeds = {n}; the smallest two-sided p an exact paired test can give is {smallest_exact_p(n):.4g}; "
        f"differences below {100 * smallest:.2g} points had less than 80 % power (paired t-test at {ALPHA} "
        f"before correction, paired standard deviation {100 * sd:.2g} points, pooled over "
        f"{'1 comparison' if len(usable) == 1 else f'{len(usable)} comparisons'})."
    )
