"""Write the pages of docs/studies/ from their committed results: `make docs`. A test compares them."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dalbt_ray.report.findings import analyze
from dalbt_ray.report.paired import holm, paired_t_test
from dalbt_ray.report.plots import curve_figure, save_figure
from dalbt_ray.report.statistics import compare_with_random, power_sentence
from dalbt_ray.report.study import Study, read_study
from dalbt_ray.report.summaries import summarize, trial_summary

ALPHA = 0.05
STUDIES = Path(__file__).parents[1] / "docs" / "studies"

MNIST = """# MNIST as in the paper: what holds, and what do loss and selection contribute?

    python sweeps/mnist_paper.py --data-root DIR
    dalbt report docs/studies/mnist --out DIR

This page is generated from the results in [`mnist/`](mnist), which `dalbt verify docs/studies/mnist` hashes again
and `dalbt_ray.load_results("docs/studies/mnist")` reads. Full MNIST, the paper's recipe: 100 labels at first, 100
acquired in each of 9 rounds, LeNet, 20 epochs from fresh weights, batches of 64, validation of 5,000, pool of 44,900.
{trials} trials, {seeds} seeds, nothing tuned on the test set; run in November 2026 on two shared CPU cores at commit
{commit}. `dalbt` and `random` ran under both objectives, and once more with at least 200 steps a round
(`min_steps=200`), since 20 epochs on 100 labels are only 40 steps.

**Read it with care.** 40 steps leave networks undertrained, and those with dropout most of all: `mc_dropout`, `dbal`
and `batch_bald` have {dropout_start} % at 100 labels where the plain network has {plain_start} %. A difference that
"shows selection + learner" is no statement about the selection. `vaal`, `waal` and `batch_bald` have other algorithms
by now (version 2), so a sweep of today runs those {old} trials again.

![Accuracy over labels](mnist_curves.png)

## What the tests say

{verdict}

{power}

## Means

AUBC is the mean height of the curve over the labels paid for; mean ± standard deviation over seeds, in %.

{means}

## Against random sampling

Differences in points, paired on seeds, with 95 % t intervals; p by paired t-tests, and after Holm's correction over the
{comparisons} comparisons. "Shows" says what else differs from the random it is compared with.

{differences}

{finals}
"""


def mnist_page(study: Study) -> str:
    """docs/studies/mnist.md."""
    aubc, final = compare_with_random(study), compare_with_random(study, "final")
    first = study.rounds[study.rounds["round"] == 0]
    dropout = first[first["strategy"].isin(["mc_dropout", "dbal", "batch_bald"])]["test_accuracy"]
    plain = first[first["strategy"] == "core_set"]["test_accuracy"]
    old = [
        m
        for m in study.manifests.values()
        if m["config"]["strategy"]["name"] in ("vaal", "waal", "batch_bald")
    ]
    commits = sorted({str(manifest["code"]["commit"])[:7] for manifest in study.manifests.values()})
    return MNIST.format(
        trials=len(study.manifests),
        seeds=study.rounds["seed"].nunique(),
        commit=", ".join(commits),
        dropout_start=f"{100 * dropout.mean():.1f}",
        plain_start=f"{100 * plain.mean():.1f}",
        old=len(old),
        verdict="\n".join(f"- {sentence}" for sentence in analyze(study).verdict.sentences),
        power=power_sentence(aubc),
        means=_means(study),
        comparisons=len(aubc),
        differences=_differences(aubc, "AUBC"),
        finals=_differences(final, "at the end"),
    )


def _means(study: Study) -> str:
    lines = ["| method | seeds | AUBC | at the end |", "|---|---|---|---|"]
    for row in summarize(study.rounds).itertuples():
        aubc, final = _spread(row.aubc, row.aubc_sd), _spread(row.final, row.final_sd)
        lines.append(f"| {row.method} | {row.n_seeds} | {aubc} | {final} |")
    return "\n".join(lines)


def _differences(table: pd.DataFrame, name: str) -> str:
    lines = [f"| method | against | shows | {name} | p | p (Holm) |", "|---|---|---|---|---|---|"]
    for row in table.sort_values("difference", ascending=False).itertuples():
        points = f"{100 * row.difference:+.1f} ({100 * row.low:+.1f} to {100 * row.high:+.1f})"
        ps = " | ".join("< 0.001" if p < 0.001 else f"{p:.2g}" for p in (row.p, row.p_holm))
        lines.append(f"| {row.method} | {row.baseline} | {row.shows} | {points} | {ps} |")
    return "\n".join(lines)


def _spread(mean: float, deviation: float) -> str:
    return f"{100 * mean:.1f} ± {100 * deviation:.1f}"


BUDGETS = """# Which method for the first hundred labels?

    python sweeps/budgets.py --preset low --data-root DIR
    dalbt report docs/studies/budgets_low --out DIR

This page is generated from the results in [`budgets_low/`](budgets_low). Frozen EfficientNet-Lite0 features (ImageNet)
on their 256 principal axes, and logistic regression; from 0 to 100 labels, 10 a round; {trials} trials, {seeds} seeds
of the 50 that the preset has (the same command adds the others). Methods that can choose without a classifier choose
the first ten labels too, the others begin with random ones: part of what they gain. `dalbt` is its selection rule
alone, since a frozen encoder is not trained with the joint loss. The presets `middle` (to 1,000 labels) and `high` (to
10,000) have not been run. CIFAR-10 is our JPEG copy.

![Accuracy over labels](budgets_low_curves.png)

## Which to use

{best}

Each rival is compared with the best on the same seeds (paired t test over AUBC, Holm over the rivals of a data set).
The best is chosen by these seeds themselves, so its lead is a little flattered.

## Against random

{verdict}

## Means and differences

AUBC from 10 to 100 labels, mean ± standard deviation in %; difference to random in points, paired on seeds, with a 95 %
t interval; p after Holm's correction within the data set. The last column says in how many of all sets of three
seeds the mean difference has the other sign than over all {seeds} seeds: how often three seeds would have said the
opposite.

{tables}
"""


def budgets_page(study: Study) -> str:
    """docs/studies/budgets_low.md."""
    return BUDGETS.format(
        trials=len(study.manifests),
        seeds=study.rounds["seed"].nunique(),
        best="\n".join(_best(study, str(setting)) for setting in study.rounds["setting"].unique()),
        verdict="\n".join(f"- {sentence}" for sentence in analyze(study).verdict.sentences),
        tables="\n\n".join(
            _against_random(study, str(setting)) for setting in study.rounds["setting"].unique()
        ),
    )


def _against_random(study: Study, setting: str) -> str:
    means = summarize(study.rounds)
    means = means[means["setting"] == setting]
    compared = compare_with_random(study)
    compared = compared[compared["setting"] == setting].set_index("method")
    areas = _areas(study, setting)
    lines = [
        f"**{setting}**\n",
        "| method | AUBC | at the end | against random | p (Holm) | three seeds say the opposite |",
        "|---|---|---|---|---|---|",
    ]
    for row in means.itertuples():
        start = f"| {row.method} | {_spread(row.aubc, row.aubc_sd)} | {_spread(row.final, row.final_sd)} |"
        if row.method not in compared.index:
            lines.append(f"{start} | | |")
            continue
        one = compared.loc[row.method]
        points = f"{100 * one['difference']:+.1f} ({100 * one['low']:+.1f} to {100 * one['high']:+.1f})"
        p = "< 0.001" if one["p_holm"] < 0.001 else f"{one['p_holm']:.2g}"
        opposite = _opposite((areas[row.method] - areas[one["baseline"]]).to_numpy())
        lines.append(f"{start} {points} | {p} | {opposite:.0%} |")
    return "\n".join(lines)


def _areas(study: Study, setting: str) -> pd.DataFrame:
    """AUBC of every seed (rows) and method (columns)."""
    trials = trial_summary(study.rounds)
    return trials[trials["setting"] == setting].pivot_table(index="seed", columns="method", values="aubc")


def _best(study: Study, setting: str) -> str:
    """The method with the highest mean AUBC, and the rivals that are not significantly worse."""
    areas = _areas(study, setting)
    best = str(areas.mean().idxmax())
    rivals = areas.drop(columns=best)
    p = holm(paired_t_test(rivals.to_numpy(np.float64) - areas[[best]].to_numpy(np.float64)).p)
    alike = [f"{name} (p = {value:.2g})" for name, value in zip(rivals, p, strict=True) if value >= ALPHA]
    close = f"not significantly worse: {', '.join(alike)}" if alike else "all others are significantly worse"
    return f"- **{setting}**: {best}; {close}."


def _opposite(differences: NDArray[np.float64]) -> float:
    """Share of all sets of three seeds whose mean difference has the other sign than that of all seeds."""
    means = np.array([sum(chosen) for chosen in combinations(differences, 3)])
    return float((means * differences.mean() < 0).mean())


PAGES = {"mnist": mnist_page, "budgets_low": budgets_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        study = read_study(STUDIES / name)
        (STUDIES / f"{name}.md").write_text(page(study), encoding="utf-8")
        save_figure(curve_figure(study), STUDIES, f"{name}_curves", formats=("png",))
