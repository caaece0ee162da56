"""What can be measured: columns of `rounds` with title and unit. Nothing else in the report knows a metric by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dalbt_ray.metrics import METRICS

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
    """

    column: str
    title: str
    unit: str = ""
    reported: bool = False
    per_class: bool = False

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
    known = {
        each.column: Measure(each.column, each.title, each.unit, not each.per_class, each.per_class)
        for each in METRICS
    }
    for manifest in manifests:
        for column, told in manifest.get("metrics", {}).items():
            if column not in known:
                title, unit = str(told.get("title") or column), str(told.get("unit") or "")
                lists = bool(told.get("per_class"))
                known[column] = Measure(column, title, unit, not lists, lists)
    return known | {each.column: each for each in OF_ROUNDS}


def recorded(known: Mapping[str, Measure], rounds: pd.DataFrame) -> list[Measure]:
    """The measures that `rounds` has numbers for; lists, a number per class, are not among them."""
    return [
        each
        for column, each in known.items()
        if column in rounds and not each.per_class and rounds[column].notna().any()
    ]
