"""Write the pages of docs/studies/ from their committed results: `make docs`. A test compares them."""

from pathlib import Path

import pandas as pd

from dalbt_ray.report.findings import analyze
from dalbt_ray.report.plots import curve_figure, save_figure
from dalbt_ray.report.statistics import compare_with_random, power_sentence
from dalbt_ray.report.study import Study, read_study
from dalbt_ray.report.summaries import summarize
from scripts.budget_page import budget_page
from scripts.budget_study import BUDGETS, p_text, points_text, spread_text
from scripts.budgets_overall import overall_page
from scripts.open_set_overall import NAME as OPEN_SETS
from scripts.open_set_overall import overall_page as open_sets_page
from scripts.open_set_page import open_set_page
from scripts.open_set_study import OPEN_SET
from scripts.two_recipes_page import NAME as TWO_RECIPES
from scripts.two_recipes_page import RECIPES, two_recipes_page

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
        aubc, final = spread_text(row.aubc, row.aubc_sd), spread_text(row.final, row.final_sd)  # type: ignore[arg-type]
        lines.append(f"| {row.method} | {row.n_seeds} | {aubc} | {final} |")
    return "\n".join(lines)


def _differences(table: pd.DataFrame, name: str) -> str:
    lines = [f"| method | against | shows | {name} | p | p (Holm) |", "|---|---|---|---|---|---|"]
    for row in table.sort_values("difference", ascending=False).itertuples():
        points = points_text(row.difference, row.low, row.high)  # type: ignore[arg-type]
        ps = " | ".join(map(p_text, (row.p, row.p_holm)))  # type: ignore[arg-type]
        lines.append(f"| {row.method} | {row.baseline} | {row.shows} | {points} | {ps} |")
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Every page by name, of the bundles that are there."""
    found = {"mnist": mnist_page(read_study(STUDIES / "mnist"))}
    pools = {
        each.name: read_study(STUDIES / each.name) for each in OPEN_SET if (STUDIES / each.name).is_dir()
    }
    found |= {each.name: open_set_page(each, pools[each.name]) for each in OPEN_SET if each.name in pools}
    found |= {OPEN_SETS: open_sets_page(pools)}
    studies = {
        each.name: read_study(STUDIES / each.name) for each in BUDGETS if (STUDIES / each.name).is_dir()
    }
    found |= {each.name: budget_page(each, studies[each.name]) for each in BUDGETS if each.name in studies}
    recipes = {name: read_study(STUDIES / name) for name in RECIPES if (STUDIES / name).is_dir()}
    found |= {TWO_RECIPES: two_recipes_page(recipes)} if recipes else {}
    return found | {"budgets": overall_page(studies)}


if __name__ == "__main__":
    made = pages()
    for name, text in made.items():
        (STUDIES / f"{name}.md").write_text(text, encoding="utf-8")
    for name in [*made, *RECIPES]:
        if (STUDIES / name).is_dir():
            study = read_study(STUDIES / name)
            save_figure(curve_figure(study), STUDIES, f"{name}_curves", formats=("png",))
