"""The report's section on open-set pools: a table and the course of purity, for every mixed setting."""

from collections.abc import Mapping

import pandas as pd

from dalbt_ray.report.drawings import course_chart
from dalbt_ray.report.findings import Findings
from dalbt_ray.report.page import Block, Drawing, Heading, Section, Text, TextTable
from dalbt_ray.report.style import Style
from dalbt_ray.report.wording import number, percent, points


def open_set_section(findings: Findings, looks: Mapping[str, Style]) -> Section:
    """Empty without mixed pools."""
    blocks: list[Block] = []
    for setting, table in findings.open_set.groupby("setting", sort=False) if len(findings.open_set) else ():
        blocks.append(TextTable.of(_shown(table), str(setting)))
        course = findings.purity_course[findings.purity_course["setting"] == setting]
        drawn = course.pivot_table(index="query", columns="method", values="purity", sort=True)
        if len(drawn) > 1:
            base_rate = 1 - float(table["openness"].mean())
            blocks.append(Heading(f"{setting}: purity of each query"))
            key = [(str(method), looks[str(method)]) for method in drawn.columns]
            blocks.append(Drawing(course_chart(drawn, base_rate, looks), key))
    if blocks:
        blocks.insert(
            0,
            Text(
                "Openness is the share of OOD images on offer to the first query; labels per paid label is what all "
                "queries together gained. The ranking's OOD AUROC is the mean over queries, when it chose: near 1 a "
                "method asks for OOD images first, near 0 last. The detector's is that of its last query. "
                "Gain is the difference in AUBC from random, in points. A control is shown which images are OOD and is "
                "no method; methods are given as a share of its gain. The dotted line of a drawing is what uniform "
                "sampling would begin with.",
                note=True,
            ),
        )
    return Section("open-set", "Open-set pools", blocks)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    ordered = table.sort_values("gain", ascending=False, na_position="last", kind="stable")
    return pd.DataFrame(
        {
            "method": [
                f"{method}: control" if is_control else method
                for method, is_control in zip(ordered["method"], ordered["is_control"], strict=True)
            ],
            "seeds": ordered["n_seeds"],
            "openness (%)": [percent(value) for value in ordered["openness"]],
            "labels per paid label": [number(value, 3) for value in ordered["labels_per_paid"]],
            "purity of the last query (%)": [percent(value) for value in ordered["last_purity"]],
            "OOD AUROC, ranking": [number(value, 3) for value in ordered["ood_auroc"]],
            "OOD AUROC, detector": [number(value, 3) for value in ordered["detector_auroc"]],
            "gain": [points(value) for value in ordered["gain"]],
            "share of the ceiling's gain (%)": [percent(value) for value in ordered["ceiling_share"]],
        }
    )
