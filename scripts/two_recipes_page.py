"""The page of the study under two recipes, from whichever of its bundles are there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from dalbt_ray.report.baselines import BASELINE
from dalbt_ray.report.paired import holm, paired_t_test
from dalbt_ray.report.statistics import ALPHA, compare_with_random, power_sentence
from dalbt_ray.report.study import Study
from dalbt_ray.report.summaries import summarize
from scripts.budget_study import areas, p_text, points_text, spread_text
from sweeps.two_recipes import PRESETS

NAME = "two_recipes"
RECIPES = {f"{NAME}_{recipe}": recipe for recipe in ("paper", "sound")}
"""Bundles, and the preset that each is of."""

OURS = "dalbt (joint)"
PAPER_RIVALS = (
    "random",
    "core_set",
    "mc_dropout",
    "dbal",
    "batch_bald",
    "ensemble_varr",
    "vaal",
    "waal",
    "dal_osr",
)
ON_PAR = 0.01
"""Two methods are on par where the whole interval of their difference in AUBC is within so much."""

PAGE = """# Which of the paper's claims hold under its own recipe, and which under a sound one?

    python sweeps/two_recipes.py --preset paper --data-root DIR
    python sweeps/two_recipes.py --preset sound --data-root DIR
    python sweeps/two_recipes.py --preset sound_core --data-root DIR
    dalbt compact results/two_recipes/paper --out docs/studies/two_recipes_paper

This page is generated from the bundles that are there. MNIST and Fashion-MNIST, LeNet, 100 labels at first and 100 a
round. `paper`: 20 epochs a round on MNIST, 150 on Fashion-MNIST, no augmentation, plain Weibull fits. `sound`: every
arm augmented alike and trained longer ([recipe](../recipe.md)); `sound_core` is a part of it. The test set chose
nothing.

{runs}

{figures}

## The paper's claims

`{ours}` against the rivals of the paper under `supervised`, as their papers have them: differences in AUBC, in points,
paired on seeds, with 95 % t intervals; p after Holm's correction over the rivals of a data set. "Better" holds where it
is significant; "on par" where the whole interval is within {on_par:.0f} point. The paper says of MNIST that DALBT
significantly outperforms random and is on par with the others, and of Fashion-MNIST that it outperforms all and is on
par with DAL-OSR.

{claims}

## What selection, learner and objective contribute

Against the random that trains the same network, or as "shows" says; Holm over all comparisons of a data set.

{differences}

## Means

AUBC and accuracy at the end in %, mean ± standard deviation over seeds; rounds whose network fits at least 98 % of its
labels.

{means}
"""


@dataclass(frozen=True)
class Claim:
    """What the paper says of DALBT and a rival on a data set: "better" or "on par"."""

    dataset: str
    rival: str
    says: str

    def judged(self, low: float, high: float, p: float, difference: float) -> str:
        """In a word or two; fractions, positive where DALBT is better."""
        significant = p < ALPHA
        if self.says == "better" and significant:
            return "holds" if difference > 0 else "the opposite"
        if self.says == "on par" and low > -ON_PAR and high < ON_PAR:
            return "holds"
        if self.says == "on par" and significant:
            return "DALBT is better" if difference > 0 else "DALBT is worse"
        return "cannot be told"


CLAIMS = [
    *(Claim("mnist", rival, "better" if rival == BASELINE else "on par") for rival in PAPER_RIVALS),
    *(Claim("fashion_mnist", rival, "on par" if rival == "dal_osr" else "better") for rival in PAPER_RIVALS),
]


def two_recipes_page(studies: Mapping[str, Study]) -> str:
    """docs/studies/two_recipes.md, from the study of each bundle by its name in `RECIPES`; at least one."""
    by_recipe = {RECIPES[name]: study for name, study in studies.items()}
    missing = [recipe for recipe in RECIPES.values() if recipe not in by_recipe]
    return PAGE.format(
        runs="\n".join(
            [*map(_run, studies, studies.values()), *(f"- `{each}`: not run yet" for each in missing)]
        ),
        figures="\n\n".join(
            f"![Accuracy over labels, {RECIPES[name]}]({name}_curves.png)" for name in studies
        ),
        ours=OURS,
        on_par=100 * ON_PAR,
        claims=_side_by_side("| data | rival | the paper |", ["difference", "p", "claim"], by_recipe, claims),
        differences=_side_by_side(
            "| data | method | against | shows |", ["difference", "p"], by_recipe, differences
        ),
        means=_side_by_side("| data | method |", ["AUBC", "at the end", "converged"], by_recipe, means),
    )


def claims(study: Study) -> pd.DataFrame:
    """Difference, p and judgment as text, by data set, rival and what the paper says, of the rivals that ran."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for setting in study.rounds["setting"].unique():
        dataset, table = study.settings[str(setting)].dataset, areas(study, str(setting))
        tested = [
            (claim, name)
            for claim in CLAIMS
            if claim.dataset == dataset and OURS in table and (name := _named(claim.rival, table)) is not None
        ]
        if not tested:
            continue
        rivals = table[[name for _, name in tested]].to_numpy()
        test = paired_t_test(table[[OURS]].to_numpy() - rivals)
        p = holm(test.p)
        for i, (claim, _) in enumerate(tested):
            said = claim.judged(float(test.low[i]), float(test.high[i]), float(p[i]), float(test.mean[i]))
            points = points_text(test.mean[i], test.low[i], test.high[i])
            found[dataset, claim.rival, claim.says] = (points, p_text(p[i]), said)
    return _frame(found)


def differences(study: Study) -> pd.DataFrame:
    """Difference and p as text, by data set, method, random and what differs."""
    return _frame(
        {
            (study.settings[str(row.setting)].dataset, row.method, row.baseline, row.shows): (
                points_text(row.difference, row.low, row.high),  # type: ignore[arg-type]
                p_text(row.p_holm),  # type: ignore[arg-type]
            )
            for row in compare_with_random(study).itertuples()
        }
    )


def means(study: Study) -> pd.DataFrame:
    """AUBC, final accuracy and share of converged rounds as text, by data set and method."""
    share = study.rounds.assign(converged=study.rounds["converged"].astype("float64"))
    share = share.groupby(["setting", "method"])["converged"].mean()
    return _frame(
        {
            (study.settings[str(row.setting)].dataset, row.method): (
                spread_text(row.aubc, row.aubc_sd),  # type: ignore[arg-type]
                spread_text(row.final, row.final_sd),  # type: ignore[arg-type]
                f"{100 * share[row.setting, row.method]:.0f} %",
            )
            for row in summarize(study.rounds).itertuples()
        }
    )


def _run(name: str, study: Study) -> str:
    commits = sorted({str(manifest["code"]["commit"])[:7] for manifest in study.manifests.values()})
    done, planned = study.rounds, PRESETS[RECIPES[name]]()
    datasets = ", ".join(sorted({each.dataset for each in study.settings.values()}))
    return (
        f"- `{RECIPES[name]}`: {len(study.manifests)} of {len(planned)} trials ({datasets}; {done['method'].nunique()} "
        f"methods, {done['seed'].nunique()} of {len({trial.seed for trial in planned})} seeds), commit "
        f"{', '.join(commits)}, in [`{name}/`]({name}). {power_sentence(compare_with_random(study))}"
    )


def _named(rival: str, table: pd.DataFrame) -> str | None:
    """The rival's column under `supervised`; of several randoms the one whose network is DALBT's, without dropout."""
    plain = (f"{rival} (supervised)", f"{rival} (supervised, learner=plain)")
    return next((name for name in plain if name in table), None)


def _frame(rows: Mapping[tuple[str, ...], tuple[str, ...]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(
        {" | ".join(map(str, key)): row for key, row in rows.items()}, orient="index"
    )


def _side_by_side(
    heads: str, columns: list[str], by_recipe: Mapping[str, Study], made: Callable[[Study], pd.DataFrame]
) -> str:
    """One table over the recipes; a row that a recipe lacks has empty cells there."""
    frames = {recipe: made(study) for recipe, study in by_recipe.items()}
    keys = dict.fromkeys(key for frame in frames.values() for key in frame.index)
    top = heads + "".join(f" {recipe}: {column} |" for recipe in frames for column in columns)
    lines = [top, "|" + "---|" * (top.count("|") - 1)]
    for key in keys:
        cells = [
            cell
            for frame in frames.values()
            for cell in (frame.loc[key] if key in frame.index else [""] * len(columns))
        ]
        lines.append(f"| {key} | {' | '.join(cells)} |")
    return "\n".join(lines)
