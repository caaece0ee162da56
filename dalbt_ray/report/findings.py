"""Everything the report says about a sweep, computed once."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dalbt_ray.report.acquired import class_balance, purity_summary, selection_overlap
from dalbt_ray.report.by_class import ClassMeans, Confused, class_means, class_tables, confusion
from dalbt_ray.report.check import Check
from dalbt_ray.report.checks import run_checks
from dalbt_ray.report.cost import cost_summary
from dalbt_ray.report.measures import Measure
from dalbt_ray.report.open_set import open_set_summary, purity_course
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.profiles import performance_profiles, probability_of_improvement
from dalbt_ray.report.rankings import (
    PenaltyMatrix,
    mean_ranks,
    pairwise_wilcoxon,
    penalty_matrix,
    setting_means,
)
from dalbt_ray.report.savings import saving_against_random
from dalbt_ray.report.statistics import compare_with_random
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import summarize
from dalbt_ray.report.tables import reported, write_table
from dalbt_ray.report.verdict import Verdict, find_verdict


@dataclass(frozen=True)
class Findings:
    """The frames behind the report's tables; see the functions of the same names for their columns.

    Attributes:
        verdict: what the comparisons say, in words.
        summary: `summaries.summarize`, with the measures of `reported`.
        against_random: `statistics.compare_with_random` on AUBC.
        final_against_random: the same on final accuracy.
        saving: `savings.saving_against_random`.
        penalties: `rankings.penalty_matrix`.
        ranks: mean rank per method, best first; `ranked_settings` are the settings behind it, `unranked` the methods
            that are not in all of them.
        wilcoxon: `rankings.pairwise_wilcoxon`.
        improvement, profiles: `profiles.probability_of_improvement` and `profiles.performance_profiles`.
        by_class, confused: `by_class.class_means` and `by_class.confusion`.
        controls: methods that are none, see `Study.controls`.
        purity: `acquired.purity_summary`; empty without mixed pools.
        open_set, purity_course: `open_set.open_set_summary` and `open_set.purity_course`; the same.
        balance: `acquired.class_balance`.
        overlaps: `acquired.selection_overlap` by setting.
        cost: `cost.cost_summary`.
        checks: `checks.run_checks`.
    """

    verdict: Verdict
    summary: pd.DataFrame
    reported: list[Measure]
    against_random: pd.DataFrame
    final_against_random: pd.DataFrame
    saving: pd.DataFrame
    penalties: PenaltyMatrix
    ranks: "pd.Series[float]"
    ranked_settings: list[str]
    unranked: list[str]
    wilcoxon: pd.DataFrame
    improvement: pd.DataFrame
    profiles: pd.DataFrame
    by_class: list[ClassMeans]
    confused: list[Confused]
    controls: list[str]
    purity: pd.DataFrame
    open_set: pd.DataFrame
    purity_course: pd.DataFrame
    balance: pd.DataFrame
    overlaps: dict[str, pd.DataFrame]
    cost: pd.DataFrame
    checks: list[Check]


def analyze(study: Study) -> Findings:
    """Compute every table of the report. The study has at least one committed round."""
    rounds = study.rounds
    picks = acquired_by_trial(study.selections, rounds)
    workers = {name: int(manifest.get("workers", 1)) for name, manifest in study.manifests.items()}
    compared = study.without_controls
    means = setting_means(compared.rounds)
    ranks, ranked_settings, unranked = mean_ranks(means)
    against_random = compare_with_random(compared, "aubc")
    return Findings(
        verdict=find_verdict(against_random),
        summary=summarize(rounds, also=reported(study)),
        reported=reported(study),
        against_random=against_random,
        final_against_random=compare_with_random(compared, "final"),
        saving=saving_against_random(compared),
        penalties=penalty_matrix(compared.rounds),
        ranks=ranks,
        ranked_settings=ranked_settings,
        unranked=unranked,
        wilcoxon=pairwise_wilcoxon(means),
        improvement=probability_of_improvement(compared),
        profiles=performance_profiles(compared),
        by_class=class_means(study),
        confused=confusion(study),
        controls=sorted(study.controls),
        purity=purity_summary(rounds),
        open_set=open_set_summary(study),
        purity_course=purity_course(rounds),
        balance=class_balance(picks, rounds),
        overlaps={s: selection_overlap(picks, rounds, s) for s in rounds["setting"].unique()},
        cost=cost_summary(study.timings, rounds, workers),
        checks=run_checks(study, picks),
    )


def write_tables(findings: Findings, folder: Path) -> list[str]:
    """Write every table as CSV with full precision; returns the file names."""
    overlaps = [
        matrix.reset_index(names="method")
        .melt("method", var_name="rival", value_name="jaccard")
        .assign(setting=name)
        for name, matrix in findings.overlaps.items()
    ]
    tables = {
        "summary": findings.summary,
        "against_random_aubc": findings.against_random,
        "against_random_final": findings.final_against_random,
        "labels_saved": findings.saving,
        "penalty_matrix": findings.penalties.matrix.reset_index(names="method"),
        "penalty_tests": findings.penalties.tests,
        "wilcoxon_over_settings": findings.wilcoxon,
        "probability_of_improvement": findings.improvement,
        "performance_profiles": findings.profiles.reset_index(),
        "purity": findings.purity,
        "open_set": findings.open_set,
        "purity_by_query": findings.purity_course,
        "class_balance": findings.balance,
        "overlap": pd.concat(overlaps).dropna(),
        "cost": findings.cost,
        **class_tables(findings.by_class, findings.confused),
    }
    return [file for name, frame in tables.items() if len(frame) for file in write_table(frame, folder, name)]
