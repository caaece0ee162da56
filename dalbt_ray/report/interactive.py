"""The numbers behind the interactive chart of the report."""

import math
from typing import Any

import pandas as pd

from dalbt_ray.report.curves import differences, learning_curves
from dalbt_ray.report.measures import recorded
from dalbt_ray.report.study import Study
from dalbt_ray.report.style import styles

Points = list[list[float | None]]


def curve_data(study: Study) -> dict[str, Any]:
    """What `templates/report.js` draws, as plain JSON values without NaN.

    Returns:
        `metrics` (title, unit, scale), `styles` per method, and `settings`: per metric and method the points
        `[labels paid for, labels gained, mean, low, high, seeds]` of `curves`, and of `differences` to the method's
        own random, which `baselines` names; the initial set counts as paid for.
    """
    rounds = study.rounds
    shown = recorded(study.measures, rounds)
    initial = rounds[rounds["round"] == 0].groupby("setting")["n_labeled"].mean()
    curves = {each.column: learning_curves(rounds, each.column) for each in shown}
    against = {each.column: differences(study, each.column) for each in shown}
    settings = []
    for setting, here in rounds.groupby("setting", sort=False):
        methods = sorted(here["method"].unique())
        offset = float(initial.get(setting, 0.0))
        settings.append(
            {
                "name": setting,
                "mixed": bool((here["ood"] != "").any()),
                "methods": methods,
                "baselines": {name: study.baseline(str(setting), name) for name in methods},
                "curves": _drawn(curves, str(setting), offset),
                "differences": _drawn(against, str(setting), offset),
            }
        )
    looks = styles({name: study.methods[name] for name in sorted(rounds["method"].unique())})
    return {
        "metrics": {
            each.column: {"title": each.axis_title, "unit": each.unit, "scale": each.scale} for each in shown
        },
        "styles": {name: vars(look) for name, look in looks.items()},
        "settings": settings,
    }


def _drawn(tables: dict[str, pd.DataFrame], setting: str, offset: float) -> dict[str, dict[str, Points]]:
    drawn = {}
    for metric, table in tables.items():
        here = table[table["setting"] == setting]
        if len(here):
            drawn[metric] = {str(method): _points(curve, offset) for method, curve in here.groupby("method")}
    return drawn


def _points(curve: pd.DataFrame, offset: float) -> Points:
    columns = (
        curve["n_bought"] + offset,
        curve["n_labeled"],
        curve["mean"],
        curve["low"],
        curve["high"],
        curve["n_seeds"],
    )
    # Five digits for values, tenths for labels and seeds: all that a screen shows.
    return [
        [_digits(v) if i in (2, 3, 4) else round(float(v), 1) for i, v in enumerate(p)]
        for p in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _digits(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.5g}")
