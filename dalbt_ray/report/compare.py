"""Did a change of code or settings change the results? Two results folders, joined cell by cell."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dalbt_ray.report.cells import find_cells, plain_value
from dalbt_ray.report.measures import recorded
from dalbt_ray.report.paired import detectable_difference, holm, paired_t_test
from dalbt_ray.report.study import Study, read_study
from dalbt_ray.report.summaries import trial_summary

CELL = ["setting", "method", "seed"]
FACTS = ["n_labeled", "n_bought", "n_ood_bought", "labeled_sha256"]
"""Compared beside the metrics: how many labels there are, and of which images."""


@dataclass(frozen=True)
class Comparison:
    """What differs between A and B.

    Attributes:
        rounds_shared: rounds that both folders have.
        rounds_identical: those of them with the same labeled images and equal metrics, to the last bit.
        only_a, only_b: cells (`setting method seed`) that only one folder has.
        settings_changed: configuration entries whose values differ between the folders as wholes.
        first_difference: one row per cell that differs: `setting, method, seed, round` (the first that
            differs), `metric, a, b`.
        methods: one row per setting, method and value (`aubc`, `final`): `n_seeds, a, b, difference` (B - A, paired
            on seeds), `low, high` (95 % t interval), `p, p_holm, detectable`.
    """

    rounds_shared: int
    rounds_identical: int
    only_a: list[str]
    only_b: list[str]
    settings_changed: list[str]
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
        if self.settings_changed:
            alone += f" Configured differently: {', '.join(self.settings_changed)}."
        if self.only_a or self.only_b:
            alone += f" {len(self.only_a)} cells are only in A and {len(self.only_b)} only in B."
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
    return compare_studies(read_study(results_a), read_study(results_b))


def compare_studies(a: Study, b: Study) -> Comparison:
    """Compare two studies on (setting, method, seed, round).

    What tells methods apart within a folder tells them apart here; what differs only between the folders, a changed
    option of all trials, does not: that change is what the comparison is about.
    """
    # A folder against itself has every id twice.
    trials = pd.concat([a.trials, b.trials], keys=["a", "b"])
    config = [name for name in trials.columns if name not in ("setting", "method")]
    folder = pd.Series(trials.index.get_level_values(0), index=trials.index)
    named = find_cells(trials[config], folder).trials
    rounds_a, rounds_b = (
        study.rounds.drop(columns=["setting", "method"]).join(named.loc[key], on="trial_id")
        for key, study in (("a", a), ("b", b))
    )
    keys = [*CELL, "round"]
    compared = [*FACTS, *(each.column for each in recorded(a.measures, rounds_a) if each.column in rounds_b)]
    both = rounds_a[[*keys, *compared]].merge(rounds_b[[*keys, *compared]], on=keys, suffixes=("_a", "_b"))
    unequal = pd.DataFrame({name: _differs(both[f"{name}_a"], both[f"{name}_b"]) for name in compared})
    shared = both[keys]
    return Comparison(
        rounds_shared=len(both),
        rounds_identical=int((~unequal.any(axis=1)).sum()),
        only_a=_only(rounds_a, rounds_b),
        only_b=_only(rounds_b, rounds_a),
        settings_changed=_changed(a.trials, b.trials),
        first_difference=_first_differences(both, unequal),
        methods=_methods(rounds_a.merge(shared, on=keys), rounds_b.merge(shared, on=keys)),
    )


def _changed(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """Entries for which the two folders have no value in common."""
    skipped = ("seed", "rounds", "status", "rounds_done", "setting", "method")
    names = [name for name in a.columns if name in b.columns and name not in skipped]
    return [
        str(name)
        for name in names
        if not {plain_value(value) for value in a[name]} & {plain_value(value) for value in b[name]}
    ]


def _differs(a: "pd.Series[float]", b: "pd.Series[float]") -> "pd.Series[bool]":
    """Unequal, where two missing values are equal."""
    return (a != b) & ~(a.isna() & b.isna())


def _only(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    cells = a[CELL].drop_duplicates().merge(b[CELL].drop_duplicates(), on=CELL, how="left", indicator=True)
    alone = cells[cells["_merge"] == "left_only"]
    return [f"{row.setting} {row.method} seed {row.seed}" for row in alone.itertuples()]


def _first_differences(both: pd.DataFrame, unequal: pd.DataFrame) -> pd.DataFrame:
    rows = []
    changed = both[unequal.any(axis=1)].sort_values("round").drop_duplicates(CELL)
    for index, row in changed.iterrows():
        metric = next(name for name in unequal.columns if unequal.at[index, name])
        rows.append(
            {**row[[*CELL, "round"]], "metric": metric, "a": row[f"{metric}_a"], "b": row[f"{metric}_b"]}
        )
    return pd.DataFrame(rows, columns=[*CELL, "round", "metric", "a", "b"]).sort_values(
        CELL, ignore_index=True
    )


def _methods(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    names = ["setting", "method", "seed", "aubc", "final"]
    columns = [
        *CELL[:2],
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
