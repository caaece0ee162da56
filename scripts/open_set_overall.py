"""The page over all studies of open-set pools, from the bundles that are there."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import pandas as pd

from dalbt_ray.report.open_set import open_set_summary
from dalbt_ray.report.statistics import ALPHA, compare_with_random
from dalbt_ray.report.study import Study
from scripts.open_set_study import OPEN_SET, POOLS, OpenSetStudy

NAME = "open_sets"

ABOUT = """Difference to random in AUBC over the labels paid for, in points; **bold** where it is significant after
Holm's correction within the pool of a study. No test is made of a control.{order}"""

OVERALL = """# Which method in pools with images that are none of ours?

This page is generated from
{sources}.

Every arm pays for OOD images and trains a class "none of ours" on those that it bought. `oracle_purity` is a control,
which is shown the OOD images.

## The answer

{answers}

## Method by method

{about}

{table}
"""


def overall_page(studies: Mapping[str, Study]) -> str:
    """docs/studies/open_sets.md, from the bundles that are there, by name."""
    present = [kind for kind in OPEN_SET if kind.name in studies]
    found = leads(studies)
    sources = [
        f"[`{kind.name}/`]({kind.name}.md) ({len(studies[kind.name].manifests):,} trials, "
        f"{studies[kind.name].rounds['seed'].nunique()} seeds)"
        for kind in present
    ]
    frozen = [kind.price for kind in present if not kind.from_scratch]
    means = found.groupby("method")["difference"].mean().sort_values(ascending=False)
    return OVERALL.format(
        sources=",\n".join(sources),
        answers="\n".join(_answer(kind, found[found["study"] == kind.name]) for kind in present),
        about=_wrapped(ABOUT.format(order=f" Two numbers: {'; then '.join(frozen)}." * (len(frozen) > 1))),
        table=lead_table(found, [str(method) for method in means.index]),
    )


def leads(studies: Mapping[str, Study]) -> pd.DataFrame:
    """The lead over random of every method in every pool of every study.

    Args:
        studies: by name; those that are none of open-set pools are passed over.

    Returns:
        `study, column` (of `lead_table`), `method, difference, p_holm` (NaN for a control), `is_control`, in the order
        of `OPEN_SET` and `POOLS`.
    """
    parts = []
    for kind in (each for each in OPEN_SET if each.name in studies):
        study = studies[kind.name]
        measured = open_set_summary(study)
        controls = measured[measured["is_control"]].rename(columns={"gain": "difference"})
        rows = pd.concat([compare_with_random(study.without_controls), controls], ignore_index=True)
        rows["pool"] = rows["setting"].str.partition(",")[0]
        rows = rows.sort_values("pool", key=lambda pools: pools.map(list(POOLS).index), kind="stable")
        rows["column"] = rows["pool"].map(POOLS) + (", LeNet from scratch" if kind.from_scratch else "")
        rows["is_control"] = rows["method"].isin(study.controls)
        parts.append(
            rows.assign(study=kind.name)[["study", "column", "method", "difference", "p_holm", "is_control"]]
        )
    return pd.concat(parts, ignore_index=True)


def lead_table(found: pd.DataFrame, methods: Sequence[str]) -> str:
    """Markdown: a line for each of `methods`, a column for each pool, the numbers of its studies side by side."""
    columns = list(found["column"].unique())
    lines = [f"| method | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for method in methods:
        own = found[found["method"] == method]
        cells = [
            " / ".join(_points(row) for row in own[own["column"] == each].itertuples()) for each in columns
        ]
        lines.append(f"| {method}{': control' if own['is_control'].any() else ''} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _points(row: Any) -> str:
    points = f"{100 * row.difference:+.1f}"
    return f"**{points}**" if row.p_holm < ALPHA else points


def _answer(kind: OpenSetStudy, found: pd.DataFrame) -> str:
    """What is above random, and what is below it, beyond chance in every pool of a study."""
    sure, pools = found[found["p_holm"] < ALPHA], found["column"].nunique()
    said = []
    for signed in (sure[sure["difference"] > 0], sure[sure["difference"] < 0]):
        counts = signed["method"].value_counts(sort=False)
        said.append(", ".join(f"`{method}`" for method in counts.index[counts == pools]) or "nothing")
    network = "LeNet from scratch" if kind.from_scratch else "Frozen features"
    where = f"in all {pools} pools" if pools > 1 else "in its pool"
    return _wrapped(
        f"- **{network}, {kind.price}**: above random {where}: {said[0]}; below it: {said[1]}.", "  "
    )


def _wrapped(text: str, indent: str = "") -> str:
    return fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
