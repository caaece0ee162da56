"""README and pages say of pools with OOD images what the committed studies of them say."""

from pathlib import Path

import pandas as pd

from dalbt_ray.report.acquired import class_balance
from dalbt_ray.report.open_set import open_set_summary
from dalbt_ray.report.picks import acquired_by_trial
from dalbt_ray.report.statistics import compare_with_random
from dalbt_ray.report.study import read_study
from scripts.budget_study import p_text
from scripts.make_study_pages import STUDIES

README = (Path(__file__).parents[2] / "README.md").read_text()
OURS, LEADER = "policy=likelihood_ratio", "k_plus_one (first_query=rule)"


def test_the_readme_quotes_the_study_of_open_set_pools() -> None:
    """Its figures, and what is above and below random beyond chance."""
    study = read_study(STUDIES / "open_set")
    assert len(study.manifests) == 2_720
    assert study.rounds.groupby("setting")["seed"].nunique().tolist() == [40] * 4
    table = compare_with_random(study.without_controls)
    assert table["method"].nunique() == 15
    sure, text = table[table["p_holm"] < 0.05], " ".join(README.split())
    badge, ours, leader, margin, paper = (
        _by_pool(table, name)
        for name in ("badge", f"dalbt ({OURS})", LEADER, "margin", "dalbt (policy=most_outlying)")
    )
    said = "are above random in all four: {}, {}, {} and {} points, and {}, {}, {} and {} points, where"
    assert said.format(*_points(badge), *_points(ours)) in text
    assert "by {}, {} and {} points, and loses {} on CIFAR-10 with SVHN".format(
        *_points(leader.drop("cifar10 + svhn")), _points(-leader[["cifar10 + svhn"]])[0].removeprefix("+")
    ) in text  # fmt: skip
    assert f"and loses {-100 * margin['cifar10 + svhn']:.1f} there" in text
    assert f"below random in all four, by {100 * paper.max():.1f} to {100 * paper.min():.1f} points" in text
    for name in ("badge", f"dalbt ({OURS})"):
        assert (_by_pool(sure, name) > 0).tolist() == [True] * 4, name
    for name in ("lfosa", "eoal", "dalbt (policy=most_outlying)"):
        assert (_by_pool(sure, name) < 0).tolist() == [True] * 4, name
    for name in (LEADER, "margin"):
        assert (_by_pool(sure, name) > 0).tolist() == [True, False, True, True], name
    for pool in leader.drop("cifar10 + svhn").index:
        here = table[table["setting"].str.startswith(pool)].set_index("method")["difference"]
        assert here.idxmax() == LEADER
    measured = open_set_summary(study)
    pure = measured[measured["method"].isin(("lfosa", "eoal"))]
    assert pure["labels_per_paid"].min() >= 0.93
    assert f"by up to {100 * pure['gain'].min():+.1f} points of AUBC" in text
    ceiling = _points(_by_pool(measured[measured["is_control"]], "oracle_purity", "gain"))
    assert "would be worth {}, {}, {} and {}.".format(*ceiling) in text


def test_the_readme_quotes_the_study_of_open_set_pools_at_few_labels() -> None:
    """What is above random, and what K+1 loses and why."""
    study = read_study(STUDIES / "open_set_low")
    assert len(study.manifests) == 1_632
    assert study.rounds.groupby("setting")["seed"].nunique().tolist() == [24] * 4
    table, text = compare_with_random(study.without_controls), " ".join(README.split())
    sure = table[table["p_holm"] < 0.05]
    mixed = ["cifar10 + svhn", "fashion_mnist + kmnist"]
    above = [_by_pool(sure[sure["difference"] > 0], name) for name in ("badge", f"dalbt ({OURS})")]
    assert [each.index.tolist() for each in above] == [mixed, mixed]
    said = "another set's images, by {} and {}, and by {} and {} points."
    assert said.format(*_points(above[0]), *_points(above[1])) in text
    assert sure[sure["difference"] > 0].groupby("method").size().max() == 2
    lost = sure[sure["method"].str.startswith("k_plus_one") & sure["setting"].str.startswith(tuple(mixed))]
    assert (lost["difference"] < 0).tolist() == [True] * 4
    assert f"loses up to {-100 * lost['difference'].min():.1f} points there" in text
    balance = class_balance(acquired_by_trial(study.selections, study.rounds), study.rounds)
    rarest = balance[balance["setting"].str.startswith("cifar10 + svhn")].set_index("method")["rarest"]
    worst = rarest[rarest.index.str.startswith("k_plus_one")].min()
    assert f"the rarest class gets {worst:.0%}".replace("%", " %") in text
    assert f"with random {rarest['random']:.0%}".replace("%", " %") in text


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


def _by_pool(table: pd.DataFrame, method: str, column: str = "difference") -> "pd.Series[float]":
    """What a method has in each pool, CIFAR-10 first."""
    own = table[table["method"] == method]
    return own.set_index(own["setting"].str.split(",").str[0])[column].sort_index()


def _points(shares: "pd.Series[float]") -> list[str]:
    return [f"{100 * share:+.1f}" for share in shares]
