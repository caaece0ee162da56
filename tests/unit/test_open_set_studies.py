"""README and pages say of pools with OOD images what the committed studies of them say."""

from pathlib import Path

import pandas as pd
import pytest

from dalbt_ray.report.acquired import class_balance
from dalbt_ray.report.open_set import open_set_summary
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.statistics import compare_with_random
from dalbt_ray.report.study import Study, read_study
from scripts.budget_study import p_text
from scripts.make_study_pages import STUDIES
from scripts.open_set_overall import lead_table, leads
from scripts.open_set_study import OPEN_SET

README = (Path(__file__).parents[2] / "README.md").read_text()
OURS, LEADER = "dalbt (policy=likelihood_ratio)", "k_plus_one (first_query=rule)"
QUOTED = (
    OURS,
    "badge",
    "margin",
    LEADER,
    "entropy",
    "dalbt (policy=most_outlying)",
    "lfosa",
    "oracle_purity",
)
"""Methods of README's table."""


@pytest.fixture(scope="module")
def studies() -> dict[str, Study]:
    """The committed studies of open-set pools by name."""
    return {each.name: read_study(STUDIES / each.name) for each in OPEN_SET if (STUDIES / each.name).is_dir()}


@pytest.mark.parametrize(
    ("name", "trials", "seeds"),
    [("open_set", 2_720, 40), ("open_set_low", 1_632, 24), ("open_set_lenet", 170, 10)],
)
def test_a_study_is_whole(studies: dict[str, Study], name: str, trials: int, seeds: int) -> None:
    """As many trials as README says, all methods on the same seeds."""
    study = studies[name]
    assert len(study.manifests) == trials
    assert set(study.rounds.groupby(["setting", "method"])["seed"].nunique()) == {seeds}
    assert f"{trials:,} trials" in README


def test_the_readme_has_lines_of_the_table_of_all_studies(studies: dict[str, Study]) -> None:
    """Each number of it, and what is bold."""
    head, rule, *lines = lead_table(leads(studies), QUOTED).splitlines()
    assert "\n".join([head, rule, *lines]) in README
    assert set(lines) <= set((STUDIES / "open_sets.md").read_text().splitlines())


def test_what_the_readme_says_of_open_set_pools(studies: dict[str, Study]) -> None:
    """What is above and below random beyond chance, and where."""
    found = leads(studies)
    sure = found[found["p_holm"] < 0.05]
    assert found["method"].nunique() == 16
    above, below = (_columns(sure[sign * sure["difference"] > 0]) for sign in (1, -1))  # by study and method
    mixed = {"CIFAR-10 + SVHN", "Fashion-MNIST + KMNIST"}
    scratch = "Fashion-MNIST + KMNIST, LeNet from scratch"
    four = set(found["column"]) - {scratch}
    for name in ("badge", OURS):
        assert above["open_set", name] == four
        assert above["open_set_low", name] == mixed
    assert max(len(where) for (study, _), where in above.items() if study == "open_set_low") == 2
    for name in ("lfosa", "eoal", "dalbt (policy=most_outlying)"):
        assert below["open_set", name] == below["open_set_low", name] == four
    three = four - {"CIFAR-10 + SVHN"}
    assert above["open_set", LEADER] == three
    first = found[(found["study"] == "open_set") & ~found["is_control"]].set_index("method")
    assert {column: rows["difference"].idxmax() for column, rows in first.groupby("column")} == {
        "CIFAR-10 + SVHN": OURS,
        **dict.fromkeys(three, LEADER),
    }
    assert below["open_set_low", LEADER] == four - {"CIFAR-10, 4 of 10 classes"}
    assert {method for (_, method), where in above.items() if scratch in where} == {
        OURS,
        LEADER,
        "k_plus_one (first_query=random)",
    }
    assert below["open_set_lenet", "dalbt (policy=most_outlying)"] == {scratch}
    frozen = found[found["column"] != scratch]
    lowest = frozen.groupby(["study", "column"])["difference"].idxmin()
    assert set(frozen.loc[lowest, "method"]) == {"lfosa", "eoal"}


def test_why_purity_alone_and_k_plus_one_lose(studies: dict[str, Study]) -> None:
    """Labels per paid label, and how few of them the rarest class gets."""
    measured, text = open_set_summary(studies["open_set"]), " ".join(README.split())
    pure = measured[measured["method"].isin(("lfosa", "eoal"))]["labels_per_paid"].min()
    assert f"gain at least {int(100 * pure) / 100:.2f} labels per paid label" in text
    from_scratch = open_set_summary(studies["open_set_lenet"]).set_index("method")["labels_per_paid"]
    assert (from_scratch[["badge", "margin"]].round(1) == [0.5, 0.3]).all()
    low = studies["open_set_low"]
    balance = class_balance(acquired_by_trial(low.selections, low.rounds), low.rounds)
    rarest = balance[balance["setting"].str.startswith("cifar10 + svhn")].set_index("method")["rarest"]
    said = f"the rarest class gets {rarest[LEADER]:.0%}, with random {rarest['random']:.0%}"
    assert said.replace("%", " %") in text


def _columns(rows: pd.DataFrame) -> dict[tuple[str, str], set[str]]:
    return {
        (str(study), str(method)): set(own["column"])
        for (study, method), own in rows.groupby(["study", "method"])
    }


def test_the_control_takes_no_part_in_the_correction_of_the_open_set_page() -> None:
    """Every p is the one of a study without it, and it has none itself."""
    parts = (STUDIES / "open_set.md").read_text().split("\n**")[1:]
    cells = {
        (part.split("**")[0], line.split(" | ")[0].removeprefix("| ")): line.split(" | ")[3].strip()
        for part in parts
        for line in part.splitlines()
        if line.startswith("| ")
    }
    table = compare_with_random(read_study(STUDIES / "open_set").without_controls)
    assert len(table) == 4 * 15
    for row in table.itertuples():
        assert cells[str(row.setting), str(row.method)] == p_text(float(row.p_holm)), (
            row.setting,
            row.method,
        )
    assert [p for (_, method), p in cells.items() if method == "oracle_purity: control"] == [""] * 4
