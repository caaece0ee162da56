"""The page over all studies of open-set pools: what it calls above and below random, and what is bold."""

from dataclasses import replace

from dalbt_ray.report.study import Study
from scripts.open_set_overall import lead_table, leads, overall_page
from tests.analysis_frames import Sweep, make_study

CONTROL = "oracle_purity"


def study(*pools: tuple[str, str], best: float = 0.06) -> Study:
    """Six seeds: badge far above random, lfosa far below it, margin alike, and a control."""
    gains = {"random": 0.0, "badge": best, "margin": 0.0, "lfosa": -0.06, CONTROL: 0.09}
    methods = [(name, "supervised", gain) for name, gain in gains.items()]
    made = make_study(Sweep([(*pool, 10) for pool in pools], methods, seeds=6, last_round=3))
    marked = made.trials["strategy.name"] == CONTROL
    return replace(made, manifests={str(trial): {"control": True} for trial in made.trials.index[marked]})


STUDIES = {
    "open_set": study(("cifar10", "svhn"), ("fashion_mnist", "kmnist")),
    "open_set_low": study(("fashion_mnist", "kmnist"), ("cifar10", "svhn"), best=-0.06),
    "open_set_lenet": study(("fashion_mnist", "kmnist")),
    "budgets_low": study(("cifar10", "svhn")),
}


def cells(method: str) -> list[str]:
    """A method's cells in the table of all studies."""
    (line,) = [line for line in overall_page(STUDIES).splitlines() if line.startswith(f"| {method} |")]
    return line.strip("| ").split(" | ")[1:]


def test_a_method_has_a_line_and_a_pool_a_column() -> None:
    """Studies of one pool side by side in their order; networks from scratch in a column of their own."""
    table = lead_table(leads(STUDIES), ["badge"])
    assert table.splitlines()[0] == (
        "| method | CIFAR-10 + SVHN | Fashion-MNIST + KMNIST | Fashion-MNIST + KMNIST, LeNet from scratch |"
    )
    assert [cell.count(" / ") for cell in cells("badge")] == [1, 1, 0]
    first, second = cells("badge")[0].split(" / ")
    assert first.startswith("**+")
    assert second.startswith("**-")


def test_bold_is_what_is_significant_and_no_control() -> None:
    """A method that is like random has cells of both kinds; a control is far ahead, and no test is made of it."""
    found = leads(STUDIES)
    p = found[found["method"] == "margin"].groupby("column", sort=False)["p_holm"].agg(list)
    assert {value < 0.05 for values in p for value in values} == {True, False}
    for cell, values in zip(cells("margin"), p, strict=True):
        assert [points.startswith("**") for points in cell.split(" / ")] == [value < 0.05 for value in values]
    ahead = cells(f"{CONTROL}: control")
    assert all(float(points) > 5 for cell in ahead for points in cell.split(" / "))


def test_the_answer_names_what_holds_in_every_pool() -> None:
    """Above and below random, study by study; a study that is missing is not spoken of."""
    answer = " ".join(overall_page(STUDIES).partition("## The answer\n")[2].partition("\n## ")[0].split())
    assert "5 queries of 100**: above random in all 2 pools: `badge`; below it: `lfosa`." in answer
    assert "20 queries of 20**: above random in all 2 pools: nothing; below it: `badge`, `lfosa`." in answer
    assert (
        "**LeNet from scratch, 100 labels at first, 5 queries of 100**: above random in its pool: `badge`"
        in answer
    )
    assert "scratch" not in overall_page({"open_set": STUDIES["open_set"]})
