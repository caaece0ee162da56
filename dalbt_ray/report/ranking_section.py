"""The section on who beats whom: pairs, ranks over settings, gains over random."""

from math import isnan

import pandas as pd

from dalbt_ray.report.drawings import critical_difference_diagram, profile_chart
from dalbt_ray.report.findings import Findings
from dalbt_ray.report.page import Block, Drawing, Heading, HeatTable, Section, Text, TextTable
from dalbt_ray.report.paired import smallest_exact_p
from dalbt_ray.report.rankings import critical_difference
from dalbt_ray.report.style import Style
from dalbt_ray.report.wording import number

LARGEST_MATRIX = 30
"""Methods up to which a matrix is shown; larger ones are in the tables folder."""

ENOUGH_SETTINGS = 3
"""Settings from which on ranks are drawn."""


def ranking_section(findings: Findings, looks: dict[str, Style]) -> Section:
    """Who beats whom."""
    blocks = [*_pairs(findings), *_ranks(findings, looks), *_gains(findings, looks)]
    return Section("rankings", "Who beats whom", blocks)


def _pairs(findings: Findings) -> list[Block]:
    penalties = findings.penalties
    if penalties.tests.empty:
        return []
    n = int(penalties.tests["n_seeds"].max())
    if n < 2:
        return [Text("No pair of methods shares two seeds yet, so nothing can be tested.")]
    if not penalties.significant:
        return [
            Text(
                f"Of all pairs of methods none differs significantly after the correction, with {n} seeds at most."
            )
        ]
    if len(penalties.matrix) > LARGEST_MATRIX:
        return []
    order = penalties.by_wins
    settings = len(penalties.checkpoints)
    wins = penalties.matrix.loc[order, order]
    rounds = "; ".join(f"{name}: {', '.join(map(str, at))}" for name, at in penalties.checkpoints.items())
    return [
        Text(
            "Pairwise penalty matrix (Ash et al. 2020), joined on seeds: how often the method of the row beats "
            "that of the column, by a paired t-test at 0.05 after Holm's correction over all pairs and "
            f"checkpoints of a setting, summed over settings (at most {settings}). Most wins first."
        ),
        HeatTable.of(wins.where(wins > 0), "Row beats column", 2, float(settings)),
        Text(
            f"Checkpoints (rounds): {rounds}. Tests, p values and dropped seeds: tables/penalty_tests.csv.",
            True,
        ),
    ]


def _ranks(findings: Findings, looks: dict[str, Style]) -> list[Block]:
    ranks, settings = findings.ranks, len(findings.ranked_settings)
    if settings < 2 or len(ranks) < 2:
        return []
    blocks: list[Block] = [Heading(f"Ranks over {settings} settings")]
    if settings >= ENOUGH_SETTINGS and len(ranks) <= LARGEST_MATRIX:
        difference = critical_difference(len(ranks), settings)
        blocks += [
            Text(
                "Critical-difference diagram (Demsar 2006): mean ranks by AUBC, with bars of half the critical "
                f"difference of Nemenyi's test, {difference:.2f}, to each side. Methods whose bars do not overlap "
                "differ at 0.05."
            ),
            Drawing(critical_difference_diagram(ranks, difference, looks)),
        ]
    else:
        rows = [[str(name), f"{rank:.2f}"] for name, rank in ranks.items()]
        blocks.append(TextTable("Mean rank by AUBC", ["method", "mean rank"], rows))
    left_out = (
        f" Not in all of them, and so not ranked: {', '.join(findings.unranked)}."
        if findings.unranked
        else ""
    )
    wilcoxon = findings.wilcoxon
    n = int(wilcoxon["n_settings"].max())
    significant = wilcoxon[wilcoxon["p_holm"] < 0.05]
    pairs = "; ".join(
        f"{row.method} and {row.rival} (p = {row.p_holm:.3g})" for row in significant.itertuples()
    )
    blocks.append(
        Text(
            f"Pairwise Wilcoxon signed-rank tests over settings, Holm-corrected: {pairs or 'no pair differs'}. "
            f"With {n} settings the smallest two-sided p before correction is {smallest_exact_p(n):.3g}.{left_out}",
            note=True,
        )
    )
    return blocks


def _gains(findings: Findings, looks: dict[str, Style]) -> list[Block]:
    if findings.improvement.empty:
        return []
    table = findings.improvement
    rows = TextTable.of(
        pd.DataFrame(
            {
                "method": table["method"],
                "settings": table["n_settings"],
                "probability": [number(value, 2) for value in table["probability"]],
                "95 % interval over settings": [
                    "-" if isnan(low) else f"{low:.2f} to {high:.2f}"
                    for low, high in zip(table["low"], table["high"], strict=True)
                ],
                "better with the same seed": [
                    f"{n} of {total}"
                    for n, total in zip(table["better_seeds"], table["n_seeds"], strict=True)
                ],
            }
        ),
        "Probability of improvement",
    )
    blocks: list[Block] = [
        Heading("Gains over random"),
        Text(
            "Probability of improvement (Agarwal et al. 2021): how likely a run of the method has a higher AUBC than a "
            "run of its random, mean over settings; 0.5 is no difference. The last column pairs runs by seed.",
            note=True,
        ),
        rows,
    ]
    if len(findings.profiles):
        key = [(name, looks[name]) for name in findings.profiles.columns]
        blocks += [
            Text(
                "Performance profiles: the share of runs whose gain in AUBC over their random is above the value on "
                "the horizontal axis, mean over settings. Higher is better; where two curves cross, neither method is "
                "better throughout.",
                note=True,
            ),
            Drawing(profile_chart(findings.profiles, looks), key),
        ]
    return blocks
