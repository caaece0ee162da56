"""The numbers behind the interactive chart of the report."""

import math
from typing import Any

import pandas as pd

from dalbt_ray.report.curves import learning_curves
from dalbt_ray.report.plots import METRIC_TITLES, PERCENT
from dalbt_ray.report.style import styles


def curve_data(rounds: pd.DataFrame) -> dict[str, Any]:
    """What `templates/report.js` draws, as plain JSON values without NaN.

    Args:
        rounds: a prepared `rounds` frame.

    Returns:
        `metrics` (title, percent), `styles` per method, and `settings`: per metric and method the points
        `[labels paid for, labels gained, mean, low, high, seeds]`; the initial set counts as paid for.
    """
    metrics = [name for name in METRIC_TITLES if name in rounds and rounds[name].notna().any()]
    initial = rounds[rounds["round"] == 0].groupby("setting")["n_labeled"].mean()
    curves = {metric: learning_curves(rounds, metric) for metric in metrics}
    settings = []
    for setting in rounds["setting"].unique():
        here = rounds[rounds["setting"] == setting]
        drawn: dict[str, dict[str, list[list[float | None]]]] = {}
        for metric in metrics:
            table = curves[metric][curves[metric]["setting"] == setting]
            if len(table):
                drawn[metric] = {
                    str(method): _points(curve, float(initial.get(setting, 0.0)))
                    for method, curve in table.groupby("method")
                }
        settings.append(
            {
                "name": setting,
                "mixed": bool((here["ood"] != "").any()),
                "methods": sorted(here["method"].unique()),
                "curves": drawn,
            }
        )
    looks = styles(sorted(rounds["method"].unique()))
    return {
        "metrics": {name: {"title": METRIC_TITLES[name], "percent": name in PERCENT} for name in metrics},
        "styles": {name: vars(look) for name, look in looks.items()},
        "settings": settings,
    }


def _points(curve: pd.DataFrame, initial: float) -> list[list[float | None]]:
    columns = zip(
        curve["n_bought"] + initial,
        curve["n_labeled"],
        curve["mean"],
        curve["low"],
        curve["high"],
        curve["n_seeds"],
        strict=True,
    )
    return [
        [
            None if math.isnan(v) else float(f"{v:.5g}") if i in (2, 3, 4) else round(v, 1)
            for i, v in enumerate(p)
        ]
        for p in columns
    ]
