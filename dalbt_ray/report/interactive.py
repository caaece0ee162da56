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
    curves = {each.column: _drawn(learning_curves(rounds, each.column), initial) for each in shown}
    against = {each.column: _drawn(differences(study, each.column), initial) for each in shown}
    settings = []
    for name, here in rounds.groupby("setting", sort=False):
        setting = str(name)
        methods = sorted(here["method"].unique())
        settings.append(
            {
                "name": setting,
                "mixed": bool((here["ood"] != "").any()),
                "methods": methods,
                "baselines": {method: study.baseline(setting, method) for method in methods},
                "curves": {column: drawn[setting] for column, drawn in curves.items() if setting in drawn},
                "differences": {
                    column: drawn[setting] for column, drawn in against.items() if setting in drawn
                },
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


def _drawn(curves: pd.DataFrame, initial: "pd.Series[float]") -> dict[str, dict[str, Points]]:
    """The points of each method by setting, labels paid for with those of the initial set."""
    paid = curves["n_bought"] + curves["setting"].map(initial).fillna(0.0)
    columns = (
        *(_tenths(labels) for labels in (paid, curves["n_labeled"])),
        *(_digits(curves[name]) for name in ("mean", "low", "high")),
        _tenths(curves["n_seeds"]),
    )
    drawn: dict[str, dict[str, Points]] = {}
    points = (list(point) for point in zip(*columns, strict=True))
    for setting, method, point in zip(curves["setting"], curves["method"], points, strict=True):
        drawn.setdefault(setting, {}).setdefault(method, []).append(point)
    return drawn


def _tenths(counts: "pd.Series[Any]") -> list[float]:
    return [round(float(count), 1) for count in counts]


def _digits(values: "pd.Series[float]") -> list[float | None]:
    """To five digits, which is all that a screen shows; None for NaN, which JSON does not have."""
    return [None if math.isnan(value) else float(f"{value:.5g}") for value in values]
