"""The results that are committed with a study are whole, and pages and README say what they say."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.config import known_classes, trial_from_json
from dalbt_ray.report.cells import find_cells
from dalbt_ray.report.checks import run_checks
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.statistics import compare_with_random
from dalbt_ray.report.study import Study, read_study
from dalbt_ray.results import ResultsStore, load_manifests, verify
from dalbt_ray.results.trial_frame import trial_frame
from scripts.budget_study import BUDGETS, best_and_rivals
from scripts.make_study_pages import STUDIES, pages
from scripts.open_set_study import OPEN_SET
from scripts.two_recipes_page import RECIPES
from sweeps.mnist_paper import mnist_paper

README = (Path(__file__).parents[2] / "README.md").read_text()
CHANGED_SINCE = {"vaal", "waal", "batch_bald"}
"""Strategies whose algorithm has another version than when the MNIST study ran."""


@pytest.fixture(scope="module")
def mnist() -> Study:
    """The MNIST study."""
    return read_study(STUDIES / "mnist")


STALLED = {
    name: (trials, ["Every trial ended well"])
    for name, trials in (("open_set", 3), ("open_set_low", 140), ("open_set_lenet", 9))
}
"""Trials that bought OOD images alone three times in a row, in their last round: the check that says so is right."""

BUNDLES = [
    "mnist",
    *(each.name for each in (*OPEN_SET, *BUDGETS) if (STUDIES / each.name).is_dir()),
]


def test_a_page_is_what_its_results_say() -> None:
    """Every number on it is computed from the bundles; `make docs` writes it."""
    made = pages()
    recipes = {"two_recipes"} if any((STUDIES / name).is_dir() for name in RECIPES) else set()
    assert set(made) == {*BUNDLES, "budgets", "open_sets", *recipes}
    for name, text in made.items():
        assert (STUDIES / f"{name}.md").read_text() == text, name


@pytest.mark.parametrize("name", [*BUNDLES, *(name for name in RECIPES if (STUDIES / name).is_dir())])
def test_no_sanity_check_fails(name: str) -> None:
    """Not on rounds without a label, of which the study of the first hundred labels has one in every trial."""
    study = read_study(STUDIES / name)
    checks = run_checks(study, acquired_by_trial(study.selections, study.rounds))
    stalled = (study.rounds["status"] == "stalled").sum()
    assert [check.title for check in checks if check.state == "failed"] == STALLED.get(name, (0, []))[1]
    assert stalled == STALLED.get(name, (0, []))[0]


def test_the_mnist_bundle_is_whole(mnist: Study) -> None:
    """80 finished trials of 10 rounds, every file with its recorded hash."""
    assert mnist.rounds.groupby("trial_id").size().tolist() == [10] * 80
    report = verify(STUDIES / "mnist")
    assert (report.trials, report.damaged) == (80, ())


def test_the_mnist_trials_are_those_of_todays_sweep_file(mnist: Study) -> None:
    """Each is planned as done, except where an algorithm has a new version; manifests rebuild their trials."""
    published = ResultsStore(STUDIES / "mnist").published_rounds()
    data_hash = next(iter(mnist.manifests.values()))["data_hash"]
    for trial in mnist_paper():
        done = published.get(trial.trial_id(data_hash))
        assert (done is None) == (trial.strategy.name in CHANGED_SINCE), trial.label
        assert done is None or done.rounds == trial.rounds + 1
    for trial_id, manifest in mnist.manifests.items():
        if manifest["config"]["strategy"]["name"] not in CHANGED_SINCE:
            assert trial_from_json(manifest["config"], known_classes()).trial_id(data_hash) == trial_id


@pytest.mark.parametrize("name", ["mnist", "budgets_low"])
def test_seeds_of_today_join_an_old_study(name: str) -> None:
    """A configuration from before some options were there, and the same in today's words: one method, one setting.

    If it fails, a new option lacks its line in `dalbt_ray.report.joined_later`.
    """
    old = next(iter(load_manifests(STUDIES / name).values()))["config"]
    today = trial_from_json(dict(old)).as_json() | {"seed": 10_000}
    cells = find_cells(trial_frame({"old": (old, "ok", 11), "today": (today, "ok", 11)}))
    assert (len(cells.methods), len(cells.settings)) == (1, 1)


def test_the_readme_quotes_the_mnist_study(mnist: Study) -> None:
    """Its figures, and what it calls significant."""
    aubc, final = (_by_pair(compare_with_random(mnist, value)) for value in ("aubc", "final"))
    supervised, joint = "random (supervised, min_steps=0)", "random (joint, min_steps=0)"
    dalbt = ("dalbt (joint, min_steps=0)", supervised)
    quoted = {
        "points of AUBC over the whole curve": aubc.loc[dalbt],
        "points at 1,000 labels": final.loc[dalbt],
        "points. The joint loss": aubc.loc[("ensemble_varr (supervised)", supervised)],
        "points with the paper's 40 steps": aubc.loc[(joint, supervised)],
        "with at least 200, neither": aubc.loc[
            ("random (joint, min_steps=200)", "random (supervised, min_steps=200)")
        ],
        "points to random": aubc.loc[("random (supervised, min_steps=200)", supervised)],
    }
    text = " ".join(README.split())
    for words, row in quoted.items():
        assert f"{100 * row['difference']:+.1f} {words}" in text
    significant = {words for words, row in quoted.items() if row["p_holm"] < 0.05}
    assert significant == {"points. The joint loss", "points to random"}
    better = aubc[(aubc["p_holm"] < 0.05) & (aubc["difference"] > 0)]
    assert {method for method, _ in better.index if not method.startswith("random")} == {
        "ensemble_varr (supervised)"
    }
    assert "(5 seeds, 80 trials," in text


def test_the_readme_quotes_the_study_under_the_sound_recipe() -> None:
    """Leads over the random of the same objective, and which of them are beyond chance."""
    study = read_study(STUDIES / "two_recipes_sound")
    assert (len(study.manifests), study.rounds["seed"].nunique()) == (24, 4)
    aubc, final = (
        compare_with_random(study, value).set_index(["method", "baseline"]) for value in ("aubc", "final")
    )
    plain, joint = "random (supervised)", "random (joint)"
    dalbt = ("dalbt (joint)", joint)
    quoted = [
        aubc.loc[pair]
        for pair in (("margin (supervised)", plain), ("badge (supervised)", plain), (joint, plain))
    ]
    leads = [f"{100 * row['difference']:+.1f}" for row in [*quoted, aubc.loc[dalbt], final.loc[dalbt]]]
    words = (
        "margin and BADGE beat random by {} and {} points of AUBC, and the joint loss alone by {}. DALBT's selection "
        "under its own loss is {} points over the whole curve, which chance could explain, and {} points at 1,000"
    )
    assert words.format(*leads) in " ".join(README.split())
    assert all(row["p_holm"] < 0.05 for row in [*quoted, final.loc[dalbt]])
    assert aubc.loc[dalbt, "p_holm"] >= 0.05
    assert study.rounds["converged"].all()


def test_the_readme_quotes_the_study_of_the_first_hundred_labels() -> None:
    """Its figures, and that each is significant on both data sets."""
    study = read_study(STUDIES / "budgets_low")
    report = verify(STUDIES / "budgets_low")
    assert (report.trials, report.damaged) == (1_400, ())
    assert (study.rounds["seed"].nunique(), study.rounds["strategy"].nunique()) == (50, 14)
    compared = compare_with_random(study).assign(
        data=lambda table: table["setting"].str.split(",").str[0],
    )
    rows = compared.set_index(["method", "data"]).sort_index()
    points = {pair: f"{100 * difference:+.1f}" for pair, difference in rows["difference"].items()}
    cifar10, fashion = "cifar10", "fashion_mnist"
    text = " ".join(README.split())
    assert (
        f"`uncertainty_herding` beats random by {points['uncertainty_herding', cifar10]} points of AUBC on CIFAR-10 "
        f"and {points['uncertainty_herding', fashion]} points on Fashion-MNIST"
    ) in text
    assert (
        f"{points['entropy', cifar10]} and {points['dalbt', cifar10]} points on CIFAR-10, "
        f"{points['entropy', fashion]} and {points['dalbt', fashion]} points on Fashion-MNIST"
    ) in text
    for method in ("uncertainty_herding", "max_herding", "typiclust", "bait"):
        assert (rows.loc[method, "low"] > 0).all(), method
    for method in ("entropy", "dalbt"):
        assert (rows.loc[method, "high"] < 0).all(), method
    for method in ("uncertainty_herding", "max_herding", "typiclust", "bait", "entropy", "dalbt"):
        assert (rows.loc[method, "p_holm"] < 0.05).all(), method


@pytest.mark.parametrize(
    ("preset", "trials", "seeds", "best", "words", "said_of_rivals"),
    [
        (
            "middle",
            1_400,
            50,
            "uncertainty_herding",
            "`uncertainty_herding` {} and {} points, and each of the 13 others is significantly below it on both sets",
            lambda p: (p < 0.05).all(),
        ),
        (
            "high",
            560,
            20,
            "margin",
            "`margin` leads by {} and {} points, and `uncertainty_herding` is not significantly below it (20 seeds, ",
            lambda p: p["uncertainty_herding"] >= 0.05,
        ),
    ],
)
def test_the_readme_quotes_the_studies_of_more_labels(
    preset: str,
    trials: int,
    seeds: int,
    best: str,
    words: str,
    said_of_rivals: Callable[["pd.Series[float]"], bool],
) -> None:
    """The best method of both sets, its leads over random, and which of its rivals are significantly below it."""
    study = read_study(STUDIES / f"budgets_{preset}")
    assert (len(study.manifests), study.rounds["seed"].nunique()) == (trials, seeds)
    compared = compare_with_random(study).set_index(["method", "setting"]).sort_index().loc[best]
    assert (compared["p_holm"] < 0.05).all()
    for setting in compared.index:
        found, p = best_and_rivals(study, setting)
        assert (found, len(p)) == (best, 13)
        assert said_of_rivals(p), p
    leads = [f"{100 * lead:+.1f}" for lead in compared["difference"]]  # CIFAR-10, then Fashion-MNIST
    assert words.format(*leads) in " ".join(README.split())


def _by_pair(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index(["method", "baseline"])
