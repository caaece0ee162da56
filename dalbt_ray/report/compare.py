"""Did a change of code or settings change the results? Two results folders, joined cell by cell."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dalbt_ray.report.curves import trial_summary
from dalbt_ray.report.frames import prepare_rounds
from dalbt_ray.report.statistics import detectable_difference, holm, paired_t_test
from dalbt_ray.results import load_results

KEYS = ["dataset", "ood", "budget", "strategy", "objective", "variant", "seed"]
METRICS = ["n_labeled", "n_bought", "n_ood_bought", "test_accuracy", "test_nll", "test_ece", "train_accuracy"]


@dataclass(frozen=True)
class Comparison:
    """What differs between A and B.

    Attributes:
        rounds_shared: rounds that both folders have.
        rounds_identical: those of them with equal metrics, to the last bit.
        only_a, only_b: cells (`setting method seed`) that only one folder has.
        first_difference: one row per cell that differs: its keys, `round` (the first that differs), `metric, a, b`.
        methods: one row per setting, method and value (`aubc`, `final`): `n_seeds, a, b, difference` (B - A, paired
            on seeds), `low, high` (95 % t interval), `p, p_holm, detectable`.
    """

    rounds_shared: int
    rounds_identical: int
    only_a: list[str]
    only_b: list[str]
    first_difference: pd.DataFrame
    methods: pd.DataFrame

    def __str__(self) -> str:
        """The verdict, then what differs: for a terminal."""
        parts = [self.verdict]
        if self.rounds_identical < self.rounds_shared:
            parts += [
                "",
                "First difference of each cell:",
                self.first_difference.to_string(index=False, max_rows=20),
            ]
            scaled = self.methods.copy()
            points = ["a", "b", "difference", "low", "high", "detectable"]
            scaled[points] = 100 * scaled[points]
            names = ["setting", "method", "value", "n_seeds", *points[:5], "p_holm"]
            table = scaled[names].to_string(index=False, float_format="%.3f", na_rep="-")
            parts += ["", "B - A in points, paired on seeds, with 95 % intervals:", table]
        for name, cells in (("A", self.only_a), ("B", self.only_b)):
            if cells:
                parts += ["", f"Only in {name}: {'; '.join(cells[:20])}{'; ...' if len(cells) > 20 else ''}"]
        return "\n".join(parts)

    @property
    def verdict(self) -> str:
        """The answer in a sentence or two."""
        alone = ""
        if self.only_a or self.only_b:
            alone = f" {len(self.only_a)} cells are only in A and {len(self.only_b)} only in B."
        if not self.rounds_shared:
            return f"The two folders share no round, so nothing can be compared.{alone}"
        if self.rounds_identical == self.rounds_shared:
            return f"Nothing changed: all {self.rounds_shared} shared rounds are identical to the last bit.{alone}"
        changed = self.methods[self.methods["p_holm"] < 0.05]
        differ = self.rounds_shared - self.rounds_identical
        start = f"{differ} of {self.rounds_shared} shared rounds differ."
        if self.methods["p"].isna().all():
            return f"{start} With fewer than two shared seeds no test is possible.{alone}"
        if changed.empty:
            largest = 100 * float(self.methods["detectable"].max())
            return (
                f"{start} No method's mean changed significantly (paired t-tests, Holm); changes below "
                f"{largest:.2g} points had less than 80 % power in at least one of them.{alone}"
            )
        names = ", ".join(f"{row.method} in {row.setting} ({row.value})" for row in changed.itertuples())
        return f"{start} Significant after Holm's correction: {names}.{alone}"


def compare(results_a: Path | str, results_b: Path | str) -> Comparison:
    """Compare two results folders, running trials included up to the rounds that both have.

    Raises:
        InputError: one of them is not a results folder, or damaged.
    """
    a, b = (load_results(folder, include_running=True).rounds for folder in (results_a, results_b))
    return compare_rounds(a, b)


def compare_rounds(a: pd.DataFrame, b: pd.DataFrame) -> Comparison:
    """Compare two `rounds` frames on (data set, OOD set, budget, strategy, objective, variant, seed, round)."""
    keys = [*KEYS, "round"]
    both = a[[*keys, *METRICS]].merge(b[[*keys, *METRICS]], on=keys, suffixes=("_a", "_b"))
    unequal = pd.DataFrame({name: _differs(both[f"{name}_a"], both[f"{name}_b"]) for name in METRICS})
    shared_keys = both[keys]
    cut_a, cut_b = (prepare_rounds(frame.merge(shared_keys, on=keys)) for frame in (a, b))
    return Comparison(
        rounds_shared=len(both),
        rounds_identical=int((~unequal.any(axis=1)).sum()),
        only_a=_only(a, b),
        only_b=_only(b, a),
        first_difference=_first_differences(both, unequal),
        methods=_methods(cut_a, cut_b),
    )


def _differs(a: "pd.Series[float]", b: "pd.Series[float]") -> "pd.Series[bool]":
    """Unequal, where two missing values are equal."""
    return (a != b) & ~(a.isna() & b.isna())


def _only(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    cells = a[KEYS].drop_duplicates().merge(b[KEYS].drop_duplicates(), on=KEYS, how="left", indicator=True)
    alone = cells[cells["_merge"] == "left_only"].drop(columns="_merge")
    # The labels need the columns of a whole round.
    named = prepare_rounds(a.merge(alone, on=KEYS)).drop_duplicates(["setting", "method", "seed"])
    return [f"{row.setting} {row.method} seed {row.seed}" for row in named.itertuples()]


def _first_differences(both: pd.DataFrame, unequal: pd.DataFrame) -> pd.DataFrame:
    rows = []
    changed = both[unequal.any(axis=1)].sort_values("round").drop_duplicates(KEYS)
    for index, row in changed.iterrows():
        metric = next(name for name in METRICS if unequal.at[index, name])
        rows.append(
            {**row[[*KEYS, "round"]], "metric": metric, "a": row[f"{metric}_a"], "b": row[f"{metric}_b"]}
        )
    return pd.DataFrame(rows, columns=[*KEYS, "round", "metric", "a", "b"]).sort_values(
        KEYS, ignore_index=True
    )


def _methods(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    names = ["setting", "method", "seed", "aubc", "final"]
    columns = [
        "setting",
        "method",
        "value",
        "n_seeds",
        "a",
        "b",
        "difference",
        "low",
        "high",
        "p",
        "detectable",
    ]
    rows = []
    if len(a):
        joined = trial_summary(a)[names].merge(trial_summary(b)[names], on=names[:3], suffixes=("_a", "_b"))
        for (setting, method), group in joined.groupby(["setting", "method"], sort=False):
            for value in ("aubc", "final"):
                pair = group[[f"{value}_a", f"{value}_b"]].dropna().to_numpy(np.float64)
                test = paired_t_test((pair[:, 1] - pair[:, 0])[:, None])
                rows.append(
                    {
                        "setting": setting,
                        "method": method,
                        "value": value,
                        "n_seeds": len(pair),
                        "a": pair[:, 0].mean() if len(pair) else float("nan"),
                        "b": pair[:, 1].mean() if len(pair) else float("nan"),
                        "difference": float(test.mean[0]),
                        "low": float(test.low[0]),
                        "high": float(test.high[0]),
                        "p": float(test.p[0]),
                        "detectable": detectable_difference(float(test.sd[0]), len(pair)),
                    }
                )
    frame = pd.DataFrame(rows, columns=columns)
    frame["p_holm"] = holm(frame["p"].to_numpy(np.float64))
    return frame
