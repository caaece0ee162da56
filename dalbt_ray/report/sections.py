"""The sections of the report page, from what was found."""

from collections.abc import Callable
from math import isnan

import pandas as pd

from dalbt_ray.report.findings import Findings
from dalbt_ray.report.page import Block, Checks, Heading, HeatTable, Section, Text, TextTable
from dalbt_ray.report.ranking_section import LARGEST_MATRIX
from dalbt_ray.report.statistics import power_sentence
from dalbt_ray.report.tables import summary_text
from dalbt_ray.report.wording import duration, number, p_value, percent, points

PARTS = ("train", "auxiliary", "score", "select", "evaluate", "other")
"""What a round's time goes to."""


def per_setting(
    frame: pd.DataFrame,
    text: Callable[[pd.DataFrame], pd.DataFrame],
    *,
    caption: str = "",
    text_columns: tuple[str, ...] = (),
) -> list[Block]:
    """One table for each setting of a frame.

    Args:
        frame: rows with a column `setting`.
        text: makes the cells of one setting's table from its rows.
        caption: follows the setting's name.
        text_columns: left-aligned columns beside the first.
    """
    return [
        TextTable.of(text(rows.reset_index(drop=True)), f"{setting}{caption}", text_columns)
        for setting, rows in frame.groupby("setting", sort=False)
    ]


def results_section(findings: Findings) -> Section:
    """The table of means, one per setting."""
    blocks: list[Block] = [
        Text(
            "Test accuracy in %, mean ± standard deviation over seeds. AUBC is the mean height of the learning curve "
            "over the labels paid for. Accuracy is that at the last label count that all finished trials of the "
            "setting reached, and AUBC goes up to it; trials that are still on their way there are in no mean.",
            note=True,
        )
    ]
    if findings.controls:
        blocks.append(
            Text(
                f"Controls, which are shown hidden answers and are no methods: {', '.join(findings.controls)}. "
                "They are in this table and in the drawings, and in no comparison."
            )
        )
    blocks += per_setting(summary_text(findings.summary, findings.reported), _results)
    return Section("results", "Results", blocks)


def comparison_section(findings: Findings) -> Section:
    """What holds against random sampling, and what the number of seeds allows."""
    blocks: list[Block] = [
        Text(
            "Differences in AUBC, in points, paired on seeds. A method meets the random sampling that equals it in "
            "everything else, so that the difference shows what the selection contributes; where there is none, the "
            "nearest one, and the column `shows` says what else is in the difference. In brackets are 95 % t "
            "intervals; p is a paired t-test, corrected within the setting (Holm)."
        )
    ]
    if findings.against_random.empty:
        blocks = [Text("There are no random trials to compare with.")]
    for setting, table in findings.against_random.groupby("setting", sort=False):
        finals = findings.final_against_random
        finals = finals[finals["setting"] == setting].reset_index(drop=True)
        blocks.append(
            TextTable.of(
                _against_random(table.reset_index(drop=True), finals), str(setting), ("against", "shows")
            )
        )
        blocks.append(Text(power_sentence(table), note=True))
    if len(findings.saving):
        blocks.append(Heading("Labels saved"))
        blocks.append(
            Text(
                "Labels to the same accuracy, method against its random, seed by seed: the lower of the two final "
                "accuracies, which both reach. Below zero the method needs more labels. In brackets are 95 % t "
                "intervals of the mean log ratio.",
                note=True,
            )
        )
        blocks += per_setting(findings.saving, _saving, text_columns=("against",))
    return Section("comparison", "Against random sampling", blocks)


def _results(text: pd.DataFrame) -> pd.DataFrame:
    mixed = "purity" in text and (text["purity"] != "-").any()
    return text.drop(columns=["setting"] if mixed else ["setting", "purity"], errors="ignore")


def _against_random(aubc: pd.DataFrame, final: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": aubc["method"],
            "against": aubc["baseline"],
            "shows": aubc["shows"],
            "seeds": [
                f"{n} (without {dropped})" if dropped else str(n)
                for n, dropped in zip(aubc["n_seeds"], aubc["dropped_seeds"], strict=True)
            ],
            "AUBC": _differences(aubc),
            "p": [p_value(value) for value in aubc["p"]],
            "p (Holm)": [p_value(value) for value in aubc["p_holm"]],
            "final accuracy": _differences(final),
            "its p (Holm)": [p_value(value) for value in final["p_holm"]],
        }
    )


def _saving(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": table["method"],
            "against": table["baseline"],
            "seeds": table["n_both"],
            "accuracy (mean)": [percent(value) for value in table["target"]],
            "its labels (median)": [f"{value:,.0f}" for value in table["labels"]],
            "random's": [f"{value:,.0f}" for value in table["baseline_labels"]],
            "saved (%)": [
                f"{100 * saving:.0f}"
                if isnan(low)
                else f"{100 * saving:.0f} ({100 * low:.0f} to {100 * high:.0f})"
                for saving, low, high in zip(table["saving"], table["low"], table["high"], strict=True)
            ],
        }
    )


def mixed_section(findings: Findings) -> Section:
    """Purity of the queries from mixed pools."""
    blocks: list[Block] = []
    if len(findings.purity):
        blocks.append(
            Text(
                "Purity is the share of in-distribution images among the acquired ones. Enrichment is purity over the "
                "share of in-distribution images available, so uniform sampling has 1. OOD images cost budget and give "
                "no label; labels are per trial, initial set not counted.",
                note=True,
            )
        )
    blocks += per_setting(findings.purity, _purity)
    return Section("mixed", "Mixed pools", blocks)


def _purity(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": table["method"],
            "seeds": table["n_seeds"],
            "acquired": [f"{value:,.0f}" for value in table["acquired"]],
            "gained": [f"{value:,.0f}" for value in table["gained"]],
            "wasted": [f"{value:,.0f}" for value in table["wasted"]],
            "purity (%)": [percent(*row) for row in table[["purity", "purity_sd"]].to_numpy()],
            "enrichment": [number(value, 3) for value in table["enrichment"]],
            "repeats (%)": [percent(value) for value in table["repeats"]],
            "rounds without a label": [number(value, 1) for value in table["empty_rounds"]],
        }
    )


def queries_section(findings: Findings) -> Section:
    """Overlap of queries and class balance."""
    blocks: list[Block] = []
    for name, matrix in findings.overlaps.items():
        if 1 < len(matrix) <= LARGEST_MATRIX:
            top = max(0.5, float(matrix.max().max()))
            blocks.append(HeatTable.of(matrix, f"{name}: Jaccard overlap of all queries", 2, top))
    if blocks:
        blocks.insert(
            0,
            Text(
                "Overlap of what two methods acquired with the same seed (intersection over union, mean over seeds). "
                "On the diagonal a method meets itself with other seeds, where the initial sets differ too.",
                note=True,
            ),
        )
    blocks += per_setting(
        findings.balance, _balance, caption=": classes acquired (entropy 1 is an equal share of each)"
    )
    return Section("queries", "What was acquired", blocks)


def _balance(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": table["method"],
            "entropy of classes": [number(value, 3) for value in table["entropy"]],
            "rarest class (%)": [percent(value) for value in table["rarest"]],
            "commonest class (%)": [percent(value) for value in table["commonest"]],
        }
    )


def cost_section(findings: Findings) -> Section:
    """Time by part of a round, time of all workers: one line per method."""
    blocks = per_setting(findings.cost, _cost)
    if blocks:
        blocks.append(
            Text(
                "A round is the median over rounds, everything else a mean over trials; running ones count so far. "
                "The time of all workers is that of a trial times its workers; trials that share a GPU, or a CPU, "
                "count in full, since their shares are not recorded. The last column divides it by the points of test "
                "accuracy gained since round 0.",
                True,
            )
        )
    return Section("cost", "Cost", blocks)


def _cost(table: pd.DataFrame) -> pd.DataFrame:
    spent = [part for part in PARTS if (table[part] > 0).any()]
    return pd.DataFrame(
        {
            "method": table["method"],
            "trials": table["n_trials"],
            "a round": [duration(value) for value in table["round_seconds"]],
            "a trial": [duration(value) for value in table["trial_seconds"]],
            **{f"of it {part}": [duration(value) for value in table[part]] for part in spent},
            "all workers": [duration(value) for value in table["worker_seconds"]],
            "a point of accuracy": [duration(value) for value in table["worker_seconds_per_point"]],
        }
    )


def checks_section(findings: Findings) -> Section:
    """The sanity checks."""
    return Section("checks", "Sanity checks", [Checks(findings.checks)])


def _differences(table: pd.DataFrame) -> list[str]:
    return [points(*row) for row in zip(table["difference"], table["low"], table["high"], strict=True)]
