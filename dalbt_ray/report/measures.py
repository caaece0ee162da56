"""What can be measured: columns of `rounds` with title and unit. Nothing else in the report knows a metric by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dalbt_ray.metrics import METRICS, Metric

MAIN = "test_accuracy"
"""The measure that areas, tests and rankings are about."""


@dataclass(frozen=True)
class Measure:
    """A column of `rounds` that is worth a curve.

    Attributes:
        column: its name.
        title: for people.
        unit: `percent` for fractions that are shown as percentages, `nats`, or nothing.
        reported: whether its value in the last round stands in the table of results.
        per_class: whether a round has a list, one number a class.
        per_pair: whether it has one for every pair of a true and a predicted class.
    """

    column: str
    title: str
    unit: str = ""
    reported: bool = False
    per_class: bool = False
    per_pair: bool = False

    @property
    def is_list(self) -> bool:
        """Whether a round has a list instead of a number."""
        return self.per_class or self.per_pair

    @property
    def scale(self) -> float:
        """Factor from recorded values to shown ones."""
        return 100.0 if self.unit == "percent" else 1.0

    @property
    def axis_title(self) -> str:
        """`test accuracy (%)`."""
        unit = {"percent": "%"}.get(self.unit, self.unit)
        return f"{self.title} ({unit})" if unit else self.title


OF_ROUNDS = (
    Measure("train_accuracy", "training accuracy", "percent"),
    Measure("validation_accuracy", "validation accuracy", "percent"),
    Measure("purity", "purity of the query", "percent"),
    Measure("cumulative_purity", "purity of all queries", "percent"),
    Measure("ood_auroc", "AUROC, in-distribution against OOD"),
)
"""Further columns of every round."""


def measures(manifests: Iterable[Mapping[str, Any]] = ()) -> dict[str, Measure]:
    """Every known measure by column: shipped metrics, users' own as their manifests describe them, and the rest."""
    known = {each.column: _of(each.column, _described(each)) for each in METRICS}
    for manifest in manifests:
        for column, told in manifest.get("metrics", {}).items():
            if column not in known:
                known[column] = _of(column, told)
    return known | {each.column: each for each in OF_ROUNDS}


def _described(metric: Metric) -> Mapping[str, Any]:
    """What a manifest says of a metric."""
    return {name: getattr(metric, name) for name in ("title", "unit", "per_class", "per_pair")}


def _of(column: str, told: Mapping[str, Any]) -> Measure:
    per_class, per_pair = bool(told.get("per_class")), bool(told.get("per_pair"))
    return Measure(
        column=column,
        title=str(told.get("title") or column),
        unit=str(told.get("unit") or ""),
        reported=not (per_class or per_pair),
        per_class=per_class,
        per_pair=per_pair,
    )


def recorded(known: Mapping[str, Measure], rounds: pd.DataFrame) -> list[Measure]:
    """The measures that `rounds` has numbers for; lists, a number per class, are not among them."""
    return [
        each
        for column, each in known.items()
        if column in rounds and not each.is_list and rounds[column].notna().any()
    ]
