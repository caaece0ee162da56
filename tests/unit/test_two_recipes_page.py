"""The page of the study under two recipes: which claim it says to hold, from whichever bundles are there."""

import pytest

from dalbt_ray.report.study import Study
from scripts.two_recipes_page import Claim, claims, two_recipes_page
from tests.analysis_frames import Sweep, make_study


def study(dalbt: float, *, more: tuple[str, ...] = ()) -> Study:
    """Eight seeds on both data sets; DALBT ahead of all by so much, up to noise, and all others alike."""
    settings = [("mnist", "", 100), ("fashion_mnist", "", 100)]
    methods = [
        ("dalbt", "joint", dalbt),
        *((name, "supervised", 0.0) for name in ("random", "core_set", *more)),
    ]
    return make_study(Sweep(settings=settings, methods=methods, seeds=8, last_round=3))


def cells(page: str, heading: str, *keys: str) -> list[str]:
    """The cells behind the first ones, of the row that begins with `keys`, in the table below a heading."""
    start = f"| {' | '.join(keys)} | "
    rows = [line for line in page.partition(f"## {heading}\n")[2].splitlines() if line.startswith(start)]
    return [cell.strip() for cell in rows[0].removeprefix(start).removesuffix("|").split("|")]


def test_each_recipe_has_its_own_verdict() -> None:
    """Far ahead under one, far behind under the other: the claim holds, and its opposite does."""
    page = two_recipes_page({"two_recipes_paper": study(0.2), "two_recipes_sound": study(-0.2)})
    found = cells(page, "The paper's claims", "fashion_mnist", "core_set", "better")
    assert found[2::3] == ["holds", "the opposite"]
    assert [found[0][0], found[3][0]] == ["+", "-"]
    assert cells(page, "The paper's claims", "mnist", "core_set", "on par")[2::3] == [
        "DALBT is better",
        "DALBT is worse",
    ]
    assert "not run yet" not in page


def test_a_bundle_that_is_missing_is_said_to_be() -> None:
    """Its columns and its picture are left out."""
    page = two_recipes_page({"two_recipes_sound": study(0.2)})
    assert "- `paper`: not run yet" in page
    assert "(two_recipes_sound_curves.png)" in page
    assert "two_recipes_paper_curves" not in page
    assert len(cells(page, "The paper's claims", "mnist", "random", "better")) == 3


def test_a_method_that_one_recipe_lacks_has_empty_cells_there() -> None:
    """And those of the other stand in the other's columns."""
    page = two_recipes_page(
        {"two_recipes_paper": study(0.0), "two_recipes_sound": study(0.0, more=("vaal",))}
    )
    found = cells(page, "Means", "mnist", "vaal (supervised)")
    assert found[:3] == ["", "", ""]
    assert found[5] == "100 %"


def test_p_values_are_corrected_over_the_rivals_of_a_data_set() -> None:
    """Two rivals: two claims a data set, and nothing of those that did not run."""
    assert list(claims(study(0.2)).index) == [
        f"{dataset} | {rival} | {says}"
        for dataset, par in (("fashion_mnist", "better"), ("mnist", "on par"))
        for rival, says in (("random", "better"), ("core_set", par))
    ]


@pytest.mark.parametrize(
    ("says", "low", "high", "p", "expected"),
    [
        ("better", 0.01, 0.03, 0.01, "holds"),
        ("better", -0.03, -0.01, 0.01, "the opposite"),
        ("better", -0.01, 0.03, 0.4, "cannot be told"),
        ("better", 0.001, 0.03, 0.06, "cannot be told"),
        ("on par", -0.009, 0.009, 0.9, "holds"),
        ("on par", 0.002, 0.008, 0.01, "holds"),
        ("on par", -0.02, 0.02, 0.9, "cannot be told"),
        ("on par", 0.01, 0.03, 0.01, "DALBT is better"),
    ],
)
def test_what_a_claim_comes_to(says: str, low: float, high: float, p: float, expected: str) -> None:
    """Significance for "better", the whole interval within a point for "on par"."""
    assert Claim("mnist", "random", says).judged(low, high, p, (low + high) / 2) == expected
