"""The page of one study of open-set pools."""

from textwrap import fill

import pandas as pd

from dalbt_ray.report.findings import Findings, analyze
from dalbt_ray.report.paired import holm, paired_t_test
from dalbt_ray.report.statistics import compare_with_random
from dalbt_ray.report.study import Study
from scripts.budget_study import areas, opposite, p_text, points_text
from scripts.open_set_study import OpenSetStudy

OURS, RIVALS = "policy=likelihood_ratio", "k_plus_one"
COLUMNS = (
    "method",
    "AUBC",
    "against random",
    "p (Holm)",
    "labels per paid label",
    "purity",
    "rarest class",
    "OOD AUROC, ranking",
    "detector",
    "share of the ceiling",
    "three seeds say the opposite",
)

PAGE = """# {question}

    python sweeps/open_set.py --preset {preset} --data-root DIR
    dalbt report docs/studies/{name} --out DIR

{about}

![Accuracy over labels]({name}_curves.png)

## What the tests say

{verdict}

## Setting by setting

Difference to random in AUBC over the labels paid for, in points, paired on seeds, with a 95 % t interval; p after
Holm's correction within the setting, in which the control has no part. Purity is that of the last query; the rarest
class is the share of the labels bought that the known class with the fewest of them has, mean over seeds; the OOD AUROC
of the ranking is near 1 where a method asks for OOD images first. The last column says in how many of all sets of three
seeds the mean difference has the other sign than over all {seeds}.

{tables}

## DALBT's likelihood ratio against K+1

Differences in AUBC of `dalbt` with `policy=likelihood_ratio`, in points, paired on seeds; Holm over all of them.

{duel}
"""

ABOUT = """This page is generated from the results in [`{name}/`]({name}). {pools} {network} {price}; {trials} trials,
{seeds} seeds{of_all}. Run in November 2026. `oracle_purity` is a control: it is shown which images are OOD. No option
was tuned on these seeds; but the form of the likelihood ratio was chosen by its detector's AUROC on two other seeds
(1000, 1001) of the frozen features of these same sets, so that row may be a little flattered.{stalled}"""
OF_ALL = " of the {planned} that the preset has (the same command adds the others)"
STALLED = (
    " Trials that bought OOD images alone three times in a row end as `stalled` and keep their last accuracy: "
    "{stalled} of them did."
)


def open_set_page(kind: OpenSetStudy, study: Study) -> str:
    """docs/studies/<name>.md."""
    findings = analyze(study)
    settings = [str(setting) for setting in study.rounds["setting"].unique()]
    seeds = study.rounds["seed"].nunique()
    stalled = int((study.rounds["status"] == "stalled").sum())
    about = ABOUT.format(
        name=kind.name,
        pools=kind.pools,
        network=kind.network,
        price=kind.price,
        trials=len(study.manifests),
        seeds=seeds,
        of_all="" if seeds == kind.seeds else OF_ALL.format(planned=kind.seeds),
        stalled=STALLED.format(stalled=stalled) if stalled else "",
    )
    return PAGE.format(
        question=kind.question,
        seeds=seeds,
        preset=kind.preset,
        name=kind.name,
        about=fill(about, 120, break_long_words=False, break_on_hyphens=False),
        verdict="\n".join(f"- {sentence}" for sentence in findings.verdict.sentences),
        tables="\n\n".join(_table(study, findings, setting) for setting in settings),
        duel=_duel(study, settings),
    )


def _table(study: Study, findings: Findings, setting: str) -> str:
    measured = findings.open_set[findings.open_set["setting"] == setting].set_index("method")
    compared = compare_with_random(study)
    compared = compared[compared["setting"] == setting].set_index("method")
    corrected = findings.against_random.set_index(["setting", "method"])["p_holm"]
    values = areas(study, setting)
    balance = findings.balance[findings.balance["setting"] == setting].set_index("method")["rarest"]
    lines = [
        f"**{setting}** ({measured['openness'].mean():.0%} OOD)\n",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for method, area in values.mean().sort_values(ascending=False).items():
        row = measured.loc[str(method)]
        cells = [f"{method}{': control' if row['is_control'] else ''}", f"{100 * area:.1f}"]
        if method in compared.index:
            one = compared.loc[str(method)]
            difference = (values[method] - values[one["baseline"]]).to_numpy()
            cells += [points_text(one["difference"], one["low"], one["high"])]
            cells.append("" if row["is_control"] else p_text(corrected[setting, str(method)]))
            others = f"{opposite(difference):.0%}"
        else:
            cells += ["", ""]
            others = ""
        cells += [_share(row["labels_per_paid"]), _share(row["last_purity"]), _share(balance[str(method)])]
        cells += [
            _number(row["ood_auroc"]),
            _number(row["detector_auroc"]),
            _share(row["ceiling_share"]),
            others,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _duel(study: Study, settings: list[str]) -> str:
    found = {}
    for setting in settings:
        values = areas(study, setting)
        ours = next(name for name in values.columns if OURS in str(name))
        for rival in [name for name in values.columns if str(name).startswith(RIVALS)]:
            found[setting, rival] = values[ours] - values[rival]
    differences = pd.DataFrame(found)
    test = paired_t_test(differences.to_numpy())
    p = holm(test.p)
    lines = ["| setting | against | difference | p (Holm) |", "|---|---|---|---|"]
    for column, (setting, rival) in enumerate(differences.columns):
        points = points_text(test.mean[column], test.low[column], test.high[column])
        lines.append(f"| {setting} | {rival} | {points} | {p_text(p[column])} |")
    return "\n".join(lines)


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.0%}"


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.2f}"
