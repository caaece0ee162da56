"""The page of one study "which method at which budget"."""

from dalbt_ray.report.findings import analyze
from dalbt_ray.report.statistics import ALPHA, compare_with_random
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import summarize
from scripts.budget_study import Budget, areas, best_and_rivals, opposite, p_text, points_text, spread_text

PAGE = """# {question}

    python sweeps/budgets.py --preset {preset} --data-root DIR
    dalbt report docs/studies/{name} --out DIR

This page is generated from the results in [`{name}/`]({name}). Frozen EfficientNet-Lite0 features (ImageNet)
on their 256 principal axes, and logistic regression; {labels}, {step} a round; {trials} trials, {seeds} seeds{of_all}.
{cold}`dalbt` is its selection rule alone, since a frozen encoder is not trained with
the joint loss. CIFAR-10 is our JPEG copy. [All budgets on one page](budgets.md).

![Accuracy over labels]({name}_curves.png)

## Which to use

{best}

Each rival is compared with the best on the same seeds (paired t test over AUBC, Holm over the rivals of a data set).
The best is chosen by these seeds themselves, so its lead is a little flattered.

## Against random

{verdict}

## Means and differences

AUBC from {area} labels, mean ± standard deviation in %; difference to random in points, paired on seeds, with a 95 %
t interval; p after Holm's correction within the data set. The last column says in how many of all sets of three
seeds the mean difference has the other sign than over all {seeds} seeds: how often three seeds would have said the
opposite.

{tables}
"""

COLD = """Methods that can choose without a classifier choose the first ten labels too, the others begin with random
ones: part of what they gain. """


def budget_page(budget: Budget, study: Study) -> str:
    """docs/studies/budgets_<preset>.md."""
    seeds = study.rounds["seed"].nunique()
    settings = [str(setting) for setting in study.rounds["setting"].unique()]
    return PAGE.format(
        question=budget.question,
        preset=budget.preset,
        name=budget.name,
        labels=budget.labels,
        step=budget.step,
        area=budget.area,
        trials=f"{len(study.manifests):,}",
        seeds=seeds,
        of_all="" if seeds == budget.seeds else f"\nof the {budget.seeds} that the preset has",
        cold=COLD if budget.cold else "",
        best="\n".join(_best(study, setting) for setting in settings),
        verdict="\n".join(f"- {sentence}" for sentence in analyze(study).verdict.sentences),
        tables="\n\n".join(_against_random(study, setting) for setting in settings),
    )


def _against_random(study: Study, setting: str) -> str:
    means = summarize(study.rounds)
    means = means[means["setting"] == setting]
    compared = compare_with_random(study)
    compared = compared[compared["setting"] == setting].set_index("method")
    values = areas(study, setting)
    lines = [
        f"**{setting}**\n",
        "| method | AUBC | at the end | against random | p (Holm) | three seeds say the opposite |",
        "|---|---|---|---|---|---|",
    ]
    for row in means.itertuples():
        start = f"| {row.method} | {spread_text(row.aubc, row.aubc_sd)} | {spread_text(row.final, row.final_sd)} |"
        if row.method not in compared.index:
            lines.append(f"{start} | | |")
            continue
        one = compared.loc[row.method]
        gain = points_text(one["difference"], one["low"], one["high"])
        other_sign = opposite((values[row.method] - values[one["baseline"]]).to_numpy())
        lines.append(f"{start} {gain} | {p_text(one['p_holm'])} | {other_sign:.0%} |")
    return "\n".join(lines)


def _best(study: Study, setting: str) -> str:
    best, p = best_and_rivals(study, setting)
    alike = [f"{name} (p = {value:.2g})" for name, value in p.items() if value >= ALPHA]
    close = f"not significantly worse: {', '.join(alike)}" if alike else "all others are significantly worse"
    return f"- **{setting}**: {best}; {close}."
