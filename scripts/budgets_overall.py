"""The page over all studies "which method at which budget", from the bundles that are there."""

from collections.abc import Mapping

import pandas as pd

from dalbt_ray.report.statistics import ALPHA, compare_with_random
from dalbt_ray.report.study import Study
from scripts.budget_study import BUDGETS, Budget, areas, best_and_rivals, opposite, p_text, points_text

OVERALL = """# Which method at which budget?

    python sweeps/budgets.py --preset {presets} --data-root DIR

Frozen EfficientNet-Lite0 features (ImageNet) on their 256 principal axes, and logistic regression, as in
[`sweeps/budgets.py`](../../sweeps/budgets.py). This page is generated from
{sources}.{missing}

## The answer

{answer}

A method is named if on every data set it is the best by mean AUBC or not significantly worse than the best (paired t
test on the same seeds, Holm over the rivals of a data set); where no method is, the best of each data set. The best is
chosen by these seeds themselves, so its lead is a little flattered.

| labels | data | best | over random, points | p (Holm) | three seeds say the opposite | not significantly worse |
|---|---|---|---|---|---|---|
{leaders}

## Method by method

Difference in AUBC to random at each budget, in points, with a 95 % t interval, paired on seeds; **bold** where it is
significant after Holm's correction within data set and budget. In brackets: in how many of all sets of three seeds the
mean difference has the other sign.

{methods}

## What three seeds would have said

{three}
"""


def overall_page(studies: Mapping[str, Study]) -> str:
    """docs/studies/budgets.md, from the bundles that are there, by name."""
    present = [budget for budget in BUDGETS if budget.name in studies]
    absent = [f"`{budget.preset}`" for budget in BUDGETS if budget.name not in studies]
    compared = pd.concat([_compared(budget, studies[budget.name]) for budget in present], ignore_index=True)
    sources = ", ".join(
        f"[`{budget.name}/`]({budget.name}.md) ({len(studies[budget.name].manifests):,} trials, "
        f"{studies[budget.name].rounds['seed'].nunique()} seeds)"
        for budget in present
    )
    return OVERALL.format(
        presets="|".join(budget.preset for budget in BUDGETS),
        sources=sources,
        missing=f" Not run yet: {', '.join(absent)}." if absent else "",
        answer="\n".join(_answer(budget, studies[budget.name]) for budget in present),
        leaders="\n".join(
            _leader(budget, studies[budget.name], setting, compared)
            for budget in present
            for setting in studies[budget.name].rounds["setting"].unique()
        ),
        methods="\n\n".join(
            _by_method(data, rows, present) for data, rows in compared.groupby("data", sort=False)
        ),
        three=_three(compared),
    )


def _compared(budget: Budget, study: Study) -> pd.DataFrame:
    """`compare_with_random`, with `data`, `labels` and `opposite`."""
    found = compare_with_random(study)
    by_setting = {setting: areas(study, setting) for setting in found["setting"].unique()}
    found["opposite"] = [
        opposite((by_setting[row.setting][row.method] - by_setting[row.setting][row.baseline]).to_numpy())
        for row in found.itertuples()
    ]
    return found.assign(data=found["setting"].map(_data), labels=budget.labels, preset=budget.preset)


def _answer(budget: Budget, study: Study) -> str:
    settings = [str(setting) for setting in study.rounds["setting"].unique()]
    groups = [_top(study, setting) for setting in settings]
    shared = [name for name in groups[0] if all(name in group for group in groups)]
    if shared:
        said = " or ".join(shared)
    else:
        said = "; ".join(f"{group[0]} on {_data(s)}" for s, group in zip(settings, groups, strict=True))
    return f"- **{budget.labels}**: {said}."


def _leader(budget: Budget, study: Study, setting: str, compared: pd.DataFrame) -> str:
    best, *close = _top(study, setting)
    where = f"| {budget.labels} | {_data(setting)} | {best} |"
    rows = compared[(compared["setting"] == setting) & (compared["preset"] == budget.preset)]
    rows = rows[rows["method"] == best]
    if rows.empty:  # random itself
        return f"{where} | | | {', '.join(close) or 'none'} |"
    row = rows.iloc[0]
    gain = points_text(row["difference"], row["low"], row["high"])
    return (
        f"{where} {gain} | {p_text(row['p_holm'])} | {row['opposite']:.0%} | {', '.join(close) or 'none'} |"
    )


def _by_method(data: str, rows: pd.DataFrame, present: list[Budget]) -> str:
    lines = [
        f"**{data}**\n",
        f"| method | {' | '.join(budget.labels for budget in present)} |",
        f"|---|{'---|' * len(present)}",
    ]
    order = rows.groupby("method")["difference"].mean().sort_values(ascending=False).index
    for method in order:
        cells = []
        for budget in present:
            one = rows[(rows["method"] == method) & (rows["preset"] == budget.preset)]
            cells.append("" if one.empty else _cell(one.iloc[0]))
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: "pd.Series[float]") -> str:
    gain = points_text(row["difference"], row["low"], row["high"])
    mean, _, interval = gain.partition(" ")
    strong = f"**{mean}**" if row["p_holm"] < ALPHA else mean
    return f"{strong} {interval} [{row['opposite']:.0%}]"


def _three(compared: pd.DataFrame) -> str:
    """How often three seeds have the other sign, for comparisons that all seeds can tell and for the others."""
    told = compared["p_holm"] < ALPHA
    lines = []
    for words, rows in (("significant", compared[told]), ("not significant", compared[~told])):
        if len(rows):
            worst = rows.loc[rows["opposite"].idxmax()]
            lines.append(
                f"- Of {len(rows)} differences that are {words} over all seeds, three seeds have the other sign in "
                f"{rows['opposite'].mean():.0%} of cases on average, and in {worst['opposite']:.0%} at most "
                f"({worst['method']} on {worst['data']}, {worst['labels']})."
            )
    return "\n".join(lines)


def _top(study: Study, setting: str) -> list[str]:
    """The best method, then those that are not significantly worse, by mean AUBC."""
    best, p = best_and_rivals(study, setting)
    means = areas(study, setting).mean()
    close = list(p.index[p >= ALPHA])
    return [best, *map(str, sorted(close, key=lambda name: -means[name]))]


def _data(setting: str) -> str:
    return setting.partition(",")[0]
