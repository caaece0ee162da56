"""The section on classes: how well each is recognized, which are worst, and what they are taken for."""

import numpy as np
import pandas as pd

from dalbt_ray.report.by_class import ClassMeans, Confused
from dalbt_ray.report.findings import Findings
from dalbt_ray.report.page import Block, Folded, HeatTable, Section, Text, TextTable
from dalbt_ray.report.ranking_section import LARGEST_MATRIX

WORST = ("worst class", "second", "third")
"""Columns of the table that names them."""

MATRICES = 60
"""Confusion matrices of a page; all are in the tables folder."""


def class_section(findings: Findings) -> Section:
    """What the last round gets right, class by class."""
    blocks: list[Block] = []
    left = MATRICES
    for means in findings.by_class:
        blocks += _means(means)
    for each in findings.confused:
        if len(each.classes) <= LARGEST_MATRIX and len(each.shares) <= left:
            left -= len(each.shares)
            blocks.append(_matrices(each))
    if findings.confused:
        explained = (
            "In a confusion matrix, a row is the true class and a column the predicted one: of the test images of the "
            "row's class, the share in % that the network takes for the column's; mean over seeds, empty below 0.5 %. "
        )
        shown = explained if left < MATRICES else ""
        blocks.append(Text(f"{shown}All confusion matrices: tables/confusion.csv.", note=True))
    if blocks:
        blocks.insert(
            0,
            Text(
                "At the last label count that is compared, means over the seeds that reached it, with half of the 95 % "
                "t interval. A class is called by its name, or its number where the results have no names.",
                note=True,
            ),
        )
    return Section("classes", "Class by class", blocks)


def _means(means: ClassMeans) -> list[Block]:
    title = f"{means.setting}: {means.measure.axis_title}"
    blocks: list[Block] = []
    if max(means.mean.shape) <= LARGEST_MATRIX:
        low, high = means.mean.min(), means.mean.max()
        shades = (means.mean - low) / (high - low or 1.0)
        rows = [
            (method, [(_value(means, i, k), float(shades[i, k])) for k in range(len(means.classes))])
            for i, method in enumerate(means.methods)
        ]
        blocks.append(HeatTable(title, means.classes, rows))
    if means.measure.unit == "percent":  # where more is better
        order = np.argsort(means.mean, axis=1, kind="stable")[:, : len(WORST)]
        worst = [
            [method, *(f"{means.classes[k]}: {_value(means, i, k)}" for k in order[i])]
            for i, method in enumerate(means.methods)
        ]
        columns = ["method", *WORST[: order.shape[1]]]
        blocks.append(TextTable(f"{title}, worst classes", columns, worst, list(range(len(columns)))))
    return blocks


def _value(means: ClassMeans, method: int, of_class: int) -> str:
    """`81 ± 4`."""
    scale, digits = means.measure.scale, 0 if means.measure.unit == "percent" else 3
    mean, half = scale * means.mean[method, of_class], scale * means.half[method, of_class]
    return f"{mean:.{digits}f}" + ("" if np.isnan(half) else f" ± {half:.{digits}f}")


def _matrices(each: Confused) -> Folded:
    tables = [
        HeatTable.of(
            pd.DataFrame(100 * shares, each.classes, each.classes).where(shares >= 0.005),
            f"{method}: {_largest(each.classes, shares)}",
            0,
            100.0,
        )
        for method, shares in each.shares.items()
    ]
    return Folded(f"{each.setting}: confusion matrices of {len(tables)} methods", tables)


def _largest(classes: list[str], shares: np.ndarray) -> str:
    """The most frequent mistake."""
    wrong = shares * (1 - np.eye(len(classes)))
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    if wrong[true, predicted] == 0:
        return "no mistake"
    return f"{100 * wrong[true, predicted]:.0f} % of {classes[true]} taken for {classes[predicted]}"
