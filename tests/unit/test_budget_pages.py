"""The page over several budgets: what it names, from whichever bundles are there."""

from itertools import combinations

import numpy as np
import pytest

from dalbt_ray.report.study import Study
from scripts.budget_study import areas, best_and_rivals, opposite
from scripts.budgets_overall import overall_page
from tests.analysis_frames import Sweep, make_study


def study(best: str, *, second: str = "margin") -> Study:
    """Six seeds of four methods on two sets: `best` far ahead, `second` behind it, random and entropy alike."""
    gains = {"random": 0.0, "entropy": 0.0, second: 0.02, best: 0.06}
    methods = [(name, "supervised", gain) for name, gain in gains.items()]
    settings = [("cifar10", "", 10), ("fashion_mnist", "", 10)]
    return make_study(Sweep(settings=settings, methods=methods, seeds=6, last_round=3))


def section(page: str, title: str) -> str:
    """The lines below a heading."""
    return page.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_the_answer_names_the_best_method_at_each_budget() -> None:
    """Another one at another budget; the bundle that is missing is said to be."""
    page = overall_page(
        {"budgets_low": study("typiclust"), "budgets_middle": study("badge", second="typiclust")}
    )
    answer = section(page, "The answer")
    assert "- **0 to 100 labels**: typiclust." in answer
    assert "- **100 to 1,000 labels**: badge." in answer
    assert "1,000 to 10,000" not in answer
    assert "Not run yet: `high`." in page
    assert "| method | 0 to 100 labels | 100 to 1,000 labels |" in page
    everything = overall_page({f"budgets_{name}": study("badge") for name in ("low", "middle", "high")})
    assert "- **1,000 to 10,000 labels**: badge." in everything
    assert "Not run yet" not in everything


def test_what_is_bold_is_what_is_significant() -> None:
    """The far best and none of random's like; methods that one bundle lacks have an empty cell there."""
    page = overall_page({"budgets_low": study("typiclust"), "budgets_high": study("badge", second="bait")})
    lines = [line for line in section(page, "Method by method").splitlines() if line.startswith("| ")]
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines}
    assert cells["typiclust"][0].startswith("**+")
    assert cells["typiclust"][1].strip("| ") == ""
    assert not any(cell.startswith("**") for cell in cells["entropy"])


def test_the_share_of_three_seeds_with_the_other_sign_equals_a_loop() -> None:
    """All sets of three of seven differences."""
    values = np.random.default_rng(0).normal(0.2, 1.0, 7)
    other = [np.sign(np.mean(three)) != np.sign(values.mean()) for three in combinations(values, 3)]
    assert opposite(values) == pytest.approx(np.mean(other))


def test_rivals_are_compared_with_the_best_on_the_same_seeds() -> None:
    """The best has the highest mean area, and no p of its own."""
    made = study("badge")
    setting = made.rounds["setting"].iloc[0]
    best, p = best_and_rivals(made, setting)
    assert best == areas(made, setting).mean().idxmax() == "badge"
    assert set(p.index) == set(areas(made, setting)) - {best}
    assert (p < 0.05).all()
