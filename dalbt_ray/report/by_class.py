"""What the last compared round gets right, class by class, and which class is taken for which."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dalbt_ray.report.measures import Measure
from dalbt_ray.report.paired import half_width
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import compared_rounds, trial_summary


@dataclass(frozen=True)
class ClassMeans:
    """One per-class measure in one setting.

    Attributes:
        setting: its name.
        measure: what was measured.
        methods, classes: names, m and c of them.
        mean: float[m, c], means over seeds.
        half: float[m, c], half of their 95 % t intervals; NaN for a single seed.
        n_seeds: int[m].
    """

    setting: str
    measure: Measure
    methods: list[str]
    classes: list[str]
    mean: NDArray[np.float64]
    half: NDArray[np.float64]
    n_seeds: NDArray[np.int64]


@dataclass(frozen=True)
class Confused:
    """Who is taken for whom in one setting.

    Attributes:
        setting: its name.
        classes: their names.
        shares: by method, float[c, c]: of the test images of the class of the row, the share that is predicted as the
            class of the column; mean over seeds. A class without test images has zeros.
    """

    setting: str
    classes: list[str]
    shares: dict[str, NDArray[np.float64]]


def class_means(study: Study) -> list[ClassMeans]:
    """Every per-class measure of every setting that has it; settings whose seeds have other classes are left out."""
    found = []
    for setting, measure, classes, rows in _recorded(study, lambda each: each.per_class):
        lists = {
            str(method): np.array([list(each) for each in group[measure.column]], np.float64)
            for method, group in rows.groupby("method")
        }
        n_seeds = np.array([len(each) for each in lists.values()])
        spread = [each.std(axis=0, ddof=1) if len(each) > 1 else np.nan * each[0] for each in lists.values()]
        found.append(
            ClassMeans(
                setting=setting,
                measure=measure,
                methods=list(lists),
                classes=classes,
                mean=np.array([each.mean(axis=0) for each in lists.values()]),
                half=half_width(np.array(spread), n_seeds[:, None]),
                n_seeds=n_seeds,
            )
        )
    return found


def confusion(study: Study) -> list[Confused]:
    """The mean confusion matrix of every method, by setting; left out as in `class_means`."""
    found = []
    for setting, measure, classes, rows in _recorded(study, lambda each: each.per_pair):
        shares = {}
        for method, group in rows.groupby("method"):
            counts = np.array([list(each) for each in group[measure.column]], np.float64)
            counts = counts.reshape(len(group), len(classes), len(classes))
            shares[str(method)] = (counts / np.maximum(1, counts.sum(axis=2, keepdims=True))).mean(axis=0)
        found.append(Confused(setting, classes, shares))
    return found


def class_tables(means: list[ClassMeans], confused: list[Confused]) -> dict[str, pd.DataFrame]:
    """The same as long tables: `class_means` and `confusion`."""
    parts = [
        pd.DataFrame(
            {
                "setting": each.setting,
                "measure": each.measure.column,
                "method": method,
                "class": each.classes,
                "mean": each.mean[i],
                "low": (each.mean - each.half)[i],
                "high": (each.mean + each.half)[i],
                "n_seeds": each.n_seeds[i],
            }
        )
        for each in means
        for i, method in enumerate(each.methods)
    ]
    pairs = [
        pd.DataFrame(
            {
                "setting": each.setting,
                "method": method,
                "true": np.repeat(each.classes, len(each.classes)),
                "predicted": np.tile(each.classes, len(each.classes)),
                "share": shares.ravel(),
            }
        )
        for each in confused
        for method, shares in each.shares.items()
    ]
    return {name: pd.concat(one) for name, one in (("class_means", parts), ("confusion", pairs)) if one}


def _recorded(
    study: Study, wanted: Callable[[Measure], bool]
) -> list[tuple[str, Measure, list[str], pd.DataFrame]]:
    """Setting, measure, classes and the last compared round of each complete trial, where it is recorded."""
    trials = trial_summary(study.rounds)
    complete = set(trials.loc[trials["complete"], "trial_id"])
    last = compared_rounds(study.rounds).groupby("trial_id").tail(1)
    last = last[last["trial_id"].isin(complete)]
    found = []
    for measure in filter(wanted, study.measures.values()):
        if measure.column not in last:
            continue
        for setting, rows in last[last[measure.column].notna()].groupby("setting", sort=False):
            classes = _classes(study, rows, measure)
            if classes:
                found.append((str(setting), measure, classes, rows))
    return found


def _classes(study: Study, rows: pd.DataFrame, measure: Measure) -> list[str]:
    """The names of the classes, or their numbers; empty where the trials differ in them, so that no mean is one."""
    sizes = {len(each) for each in rows[measure.column]}
    told = set()
    for trial_id in rows["trial_id"]:
        data = study.manifests.get(str(trial_id), {}).get("data", {})
        names = data.get("known_classes") or data.get("class_names")
        if names:
            told.add(tuple(map(str, names)))
    if len(sizes) > 1 or len(told) > 1:
        return []
    size = sizes.pop()
    count = round(size**0.5) if measure.per_pair else size
    names = next(iter(told), ())
    return list(names) if len(names) == count else [str(number) for number in range(count)]
