"""Everything the report says about a sweep, computed once."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dalbt_ray.report.acquired import class_balance, purity_summary, selection_overlap
from dalbt_ray.report.checks import Check, run_checks
from dalbt_ray.report.cost import cost_summary
from dalbt_ray.report.curves import summarize
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.rankings import (
    PenaltyMatrix,
    mean_ranks,
    pairwise_wilcoxon,
    penalty_matrix,
    setting_means,
)
from dalbt_ray.report.statistics import compare_with_random, saving_against_random
from dalbt_ray.report.study import Sweep
from dalbt_ray.report.tables import write_table


@dataclass(frozen=True)
class Findings:
    """The frames behind the report's tables; see the functions of the same names for their columns.

    Attributes:
        summary: `metrics.summarize`.
        against_random: `statistics.compare_with_random` on AUBC.
        final_against_random: the same on final accuracy.
        saving: `statistics.saving_against_random`.
        penalties: `rankings.penalty_matrix`.
        ranks: mean rank per method, best first; `ranked_settings` are the settings behind it, `unranked` the methods
            that are not in all of them.
        wilcoxon: `rankings.pairwise_wilcoxon`.
        purity: `queries.purity_summary`; empty without mixed pools.
        balance: `queries.class_balance`.
        overlaps: `queries.selection_overlap` by setting.
        cost: `cost.cost_summary`.
        checks: `checks.run_checks`.
    """

    summary: pd.DataFrame
    against_random: pd.DataFrame
    final_against_random: pd.DataFrame
    saving: pd.DataFrame
    penalties: PenaltyMatrix
    ranks: "pd.Series[float]"
    ranked_settings: list[str]
    unranked: list[str]
    wilcoxon: pd.DataFrame
    purity: pd.DataFrame
    balance: pd.DataFrame
    overlaps: dict[str, pd.DataFrame]
    cost: pd.DataFrame
    checks: list[Check]


def analyze(sweep: Sweep) -> Findings:
    """Compute every table of the report. The sweep has at least one committed round."""
    rounds = sweep.rounds
    picks = acquired_by_trial(sweep.selections, rounds)
    means = setting_means(rounds)
    ranks, ranked_settings, unranked = mean_ranks(means)
    return Findings(
        summary=summarize(rounds),
        against_random=compare_with_random(rounds, "aubc"),
        final_against_random=compare_with_random(rounds, "final"),
        saving=saving_against_random(rounds),
        penalties=penalty_matrix(rounds),
        ranks=ranks,
        ranked_settings=ranked_settings,
        unranked=unranked,
        wilcoxon=pairwise_wilcoxon(means),
        purity=purity_summary(rounds),
        balance=class_balance(picks, rounds),
        overlaps={s: selection_overlap(picks, rounds, s) for s in rounds["setting"].unique()},
        cost=cost_summary(sweep.timings, rounds, sweep.workers),
        checks=run_checks(sweep, picks),
    )


def write_tables(findings: Findings, folder: Path) -> list[str]:
    """Write every table as CSV and LaTeX with full precision; returns the file names."""
    overlaps = [
        matrix.reset_index(names="method")
        .melt("method", var_name="rival", value_name="jaccard")
        .assign(setting=name)
        for name, matrix in findings.overlaps.items()
    ]
    tables = {
        "summary": (findings.summary, "Mean over seeds; sd is the sample standard deviation"),
        "against_random_aubc": (findings.against_random, "Paired difference in AUBC to random sampling"),
        "against_random_final": (
            findings.final_against_random,
            "Paired difference in final accuracy to random",
        ),
        "labels_saved": (findings.saving, "Labels saved on the way to random's final accuracy"),
        "penalty_matrix": (findings.penalties.matrix.reset_index(names="method"), "Pairwise penalty matrix"),
        "penalty_tests": (findings.penalties.tests, "Tests behind the penalty matrix"),
        "wilcoxon_over_settings": (findings.wilcoxon, "Wilcoxon signed-rank tests over settings"),
        "purity": (findings.purity, "Queries from mixed pools"),
        "class_balance": (findings.balance, "Class balance of the queries"),
        "overlap": (pd.concat(overlaps).dropna(), "Jaccard overlap of queries"),
        "cost": (findings.cost, "Cost of a trial"),
    }
    written = []
    for name, (frame, caption) in tables.items():
        if len(frame):
            written += write_table(frame, folder, name, caption)
    return written
