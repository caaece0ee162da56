"""What a sweep can and cannot show: paired comparisons with intervals, corrections and power.

Every comparison joins two methods on the seed, because a seed fixes the initial set, the validation set and
the splits of both. The BADGE authors' `scripts/agg_results.py` and code derived from it join on the
position in an array instead, and pair wrong runs as soon as one is missing.
"""

from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from dalbt_ray.report.curves import labels_to_target, trial_summary
from dalbt_ray.report.frames import BASELINE, baseline_of, is_baseline, method_label, objective_of


def smallest_exact_p(n_seeds: int) -> float:
    """The smallest two-sided p that an exact paired test (sign flips, Wilcoxon) can give: 2^(1-n).

    All n differences having one sign is the most extreme outcome, and 2 of 2^n equally likely ones are that
    extreme.
    """
    return 2.0 ** (1 - n_seeds)


def detectable_difference(paired_sd: float, n_seeds: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """The true mean difference that a two-sided paired t-test finds with probability `power`.

    From the noncentral t distribution with n - 1 degrees of freedom and noncentrality d sqrt(n) / sd. A
    significant result with the wrong sign does not count as found.

    Args:
        paired_sd: standard deviation of the differences between paired seeds.
        n_seeds: number of pairs.
        power: probability of p < alpha.
        alpha: level of the test, before any correction.

    Returns:
        The difference, in the units of `paired_sd`; NaN for fewer than two pairs.
    """
    if n_seeds < 2 or np.isnan(paired_sd):
        return float("nan")
    return _noncentrality(n_seeds, power, alpha) * paired_sd / sqrt(n_seeds)


@cache
def _noncentrality(n_seeds: int, power: float, alpha: float) -> float:
    degrees = n_seeds - 1
    critical = stats.t.ppf(1 - alpha / 2, degrees)

    def missing_power(noncentrality: float) -> float:
        return float(stats.nct.sf(critical, degrees, noncentrality)) - power

    # The power at this upper end is above 0.95 for any n; scipy's noncentral t gives NaN much further out.
    return float(optimize.brentq(missing_power, 0.0, 2.0 * critical + 2.0))


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's adjusted p values (Holm 1979); NaN (a test that could not be made) stays NaN and does not count.

    The k-th smallest of m is multiplied by m - k + 1, and none may be below the one before it.
    """
    # statsmodels' multipletests gives the same and runs the garbage collector at every call.
    adjusted = np.full(len(p_values), np.nan)
    made = np.flatnonzero(~np.isnan(p_values))
    order = made[np.argsort(p_values[made], kind="stable")]
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1)))
    return adjusted


@dataclass(frozen=True)
class PairedTest:
    """A two-sided paired t-test, for one or many columns of differences at once.

    Attributes:
        n: pairs behind each column.
        mean: mean difference.
        sd: sample standard deviation of the differences.
        low, high: 95 % t interval of the mean.
        p: p value; NaN for fewer than two pairs.
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]


def paired_t_test(differences: NDArray[np.float64]) -> PairedTest:
    """Test whether mean differences are zero.

    Differences that are all equal have no spread, and t is infinite: an artifact of few seeds and
    accuracies that are multiples of 1/test size. Then p is what an exact test would give, 2^(1-n), or 1 for
    differences of zero.

    Args:
        differences: float[seeds, columns]; NaN where a seed lacks one of the pair.
    """
    made = ~np.isnan(differences)
    n = made.sum(axis=0)
    enough = n >= 2
    safe_n = np.maximum(n, 2)
    mean = np.where(n > 0, np.where(made, differences, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)
    squares = np.where(made, differences - mean, 0.0) ** 2
    sd = np.where(enough, np.sqrt(squares.sum(axis=0) / (safe_n - 1)), np.nan)
    error = sd / np.sqrt(safe_n)
    flat = enough & (error <= 1e-12 * np.maximum(np.abs(mean), 1e-300))
    t = np.where(flat, 0.0, np.abs(mean)) / np.where(flat | ~enough, 1.0, error)
    p = np.where(enough, 2 * stats.t.sf(t, safe_n - 1), np.nan)
    p = np.where(flat, np.where(mean == 0, 1.0, 2.0 ** (1.0 - safe_n)), p)
    half = stats.t.ppf(0.975, safe_n - 1) * error
    return PairedTest(n=n, mean=mean, sd=sd, low=mean - half, high=mean + half, p=p)


def compare_with_random(rounds: pd.DataFrame, value: str = "aubc") -> pd.DataFrame:
    """Every method against uniform sampling, paired on seeds, corrected within the setting (Holm).

    A method meets the random trials of its own objective: the difference is what the selection contributes.
    Methods with the joint objective meet `random (supervised)` too: that is the whole method's gain, and for
    `random (joint)` it is what the loss alone contributes.

    Args:
        rounds: a prepared `rounds` frame.
        value: `aubc` or `final`.

    Returns:
        `setting, method, baseline, n_seeds, dropped_seeds` (seeds that only one of the two has completed),
        `difference, low, high, sd, p, p_holm, detectable`: positive where the method is better;
        `detectable` has 80 % power at this n and spread.
    """
    trials = trial_summary(rounds)
    rows = []
    for setting, group in trials.groupby("setting", sort=False):
        table = group.pivot_table(index="seed", columns="method", values=value, dropna=False)
        pairs = _pairs(sorted(group["method"].unique()))
        if not pairs:
            continue
        a = table[[method for method, _ in pairs]].to_numpy(np.float64)
        b = table[[baseline for _, baseline in pairs]].to_numpy(np.float64)
        test = paired_t_test(a - b)
        alone = np.isnan(a) != np.isnan(b)
        for i, (method, baseline) in enumerate(pairs):
            rows.append(
                {
                    "setting": setting,
                    "method": method,
                    "baseline": baseline,
                    "n_seeds": int(test.n[i]),
                    "dropped_seeds": " ".join(str(seed) for seed in table.index[alone[:, i]]),
                    "difference": test.mean[i],
                    "low": test.low[i],
                    "high": test.high[i],
                    "sd": test.sd[i],
                    "p": test.p[i],
                    "detectable": detectable_difference(float(test.sd[i]), int(test.n[i])),
                }
            )
    names = ["setting", "method", "baseline", "n_seeds", "dropped_seeds", "difference", "low", "high", "sd"]
    frame = pd.DataFrame(rows, columns=[*names, "p", "detectable"])
    frame["p_holm"] = np.nan
    for setting in frame["setting"].unique():
        here = frame["setting"] == setting
        frame.loc[here, "p_holm"] = holm(frame.loc[here, "p"].to_numpy(np.float64))
    return frame


def _pairs(methods: list[str]) -> list[tuple[str, str]]:
    """Which method meets which baseline."""
    pairs = []
    for method in methods:
        rivals = [baseline_of(method, methods)]
        if objective_of(method) != "supervised":
            supervised = baseline_of(method, methods, "supervised")
            rivals += [supervised] if supervised and objective_of(supervised) == "supervised" else []
        if is_baseline(method):  # what a variant of it adds
            rivals += [name for name in methods if name == method_label(BASELINE, objective_of(method))]
        pairs += [(method, rival) for rival in dict.fromkeys(rivals) if rival not in (None, method)]
    return pairs


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
        f"differences below {100 * smallest:.2g} points had less than 80 % power (paired t-test at 0.05 "
        f"before correction, paired standard deviation {100 * sd:.2g} points, pooled over "
        f"{'1 comparison' if len(usable) == 1 else f'{len(usable)} comparisons'})."
    )


def saving_against_random(rounds: pd.DataFrame, target: float | None = None) -> pd.DataFrame:
    """The share of labels that a method saves on the way to a target accuracy.

    1 - (mean labels of the method) / (mean labels of random), over the seeds in which both reached the
    target, with a 95 % bootstrap interval that resamples seeds. Seeds in which either did not reach it are
    censored: they are counted, not guessed, so read the saving together with the counts.

    Args:
        rounds: a prepared `rounds` frame.
        target: a test accuracy. By default each seed's own: the final accuracy of its random trial, so that
            random always reaches it.

    Returns:
        `setting, method, baseline, target` (mean over seeds), `reached, baseline_reached` (both `k/n` of
        the shared seeds), `n_both`, `labels` (median over the method's seeds; infinite if half of them or
        more did not reach it), `saving, low, high`.
    """
    trials = trial_summary(rounds)
    rows = []
    for setting, group in rounds.groupby("setting", sort=False):
        methods = sorted(group["method"].unique())
        done = trials[(trials["setting"] == setting) & trials["complete"]]
        for baseline in filter(is_baseline, methods):
            finals = done[done["method"] == baseline].set_index("seed")["final"]
            goals = {int(seed): target or float(final) for seed, final in finals.items()}
            table = labels_to_target(group, goals).set_index(["method", "seed"])
            for method in methods:
                if method == baseline or baseline_of(method, methods) != baseline or not goals:
                    continue
                pair = (
                    table.loc[[method]]
                    .droplevel("method")
                    .join(table.loc[[baseline]].droplevel("method").add_suffix("_random"), how="inner")
                )
                both = pair[pair["reached"] & pair["reached_random"]]
                saving, low, high = _saving(both["labels"].to_numpy(), both["labels_random"].to_numpy())
                rows.append(
                    {
                        "setting": setting,
                        "method": method,
                        "baseline": baseline,
                        "target": float(np.mean([goals[seed] for seed in pair.index])),
                        "reached": f"{int(pair['reached'].sum())}/{len(pair)}",
                        "baseline_reached": f"{int(pair['reached_random'].sum())}/{len(pair)}",
                        "n_both": len(both),
                        "labels": float(pair["labels"].where(pair["reached"], np.inf).median()),
                        "saving": saving,
                        "low": low,
                        "high": high,
                    }
                )
    names = ["setting", "method", "baseline", "target", "reached", "baseline_reached", "n_both", "labels"]
    return pd.DataFrame(rows, columns=[*names, "saving", "low", "high"])


def _saving(labels: NDArray[np.float64], labels_random: NDArray[np.float64]) -> tuple[float, float, float]:
    if not len(labels):
        return float("nan"), float("nan"), float("nan")

    estimate = 1 - float(labels.sum() / labels_random.sum())
    n = len(labels)
    if n < 2:
        return estimate, float("nan"), float("nan")
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=2000)
    low, high = np.quantile(1 - (counts @ labels) / (counts @ labels_random), [0.025, 0.975])
    return estimate, float(low), float(high)
