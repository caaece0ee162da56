"""The registry of strategies: names and options, right and wrong."""

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from dalbt_ray import Augmentation, Encoder, Learner, Objective, Pretraining, Views
from dalbt_ray.config import known_classes
from dalbt_ray.errors import InputError
from dalbt_ray.options.value import Named
from dalbt_ray.strategies import STRATEGIES, Strategy, get_strategy
from dalbt_ray.strategies.dalbt import Dalbt

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_union_is_the_registry() -> None:
    """Every member of the union is a frozen dataclass of its own name, reachable by it."""
    assert [(method.name, method) for method in get_args(Strategy)] == list(STRATEGIES.items())
    for name, method in STRATEGIES.items():
        strategy = get_strategy(name)
        assert type(strategy) is method
        assert strategy == get_strategy(name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            strategy.name = "other"  # type: ignore[misc]


def test_the_readme_lists_every_strategy() -> None:
    """Each once, and none that there is not."""
    table = README.split("| `--strategies` |")[1].split("\n\n")[0]
    listed = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(listed) == sorted(STRATEGIES)


@pytest.mark.parametrize("axis", [Learner, Objective, Encoder, Pretraining, Augmentation, Views])
def test_the_readme_lists_every_value_of_an_axis(axis: type[Named]) -> None:
    """Each once, and none that there is not."""
    (row,) = [line for line in README.splitlines() if f"| `{axis.path}=NAME` |" in line]
    listed = re.findall(r"`(\w+)`", row.split("|")[3])
    assert sorted(listed) == sorted(known_classes()[axis])


def test_options_are_fields() -> None:
    """What is passed by name is what the frozen value holds."""
    strategy = get_strategy("dalbt", policy="inlier_band", inlier_share=0.9)
    assert strategy == Dalbt(policy="inlier_band", inlier_share=0.9)
    with pytest.raises(dataclasses.FrozenInstanceError):
        strategy.policy = "most_outlying"  # type: ignore[misc, union-attr]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("entropi", {}, r"^strategy: 'entropi' is not a strategy; allowed: .*; did you mean 'entropy'\?$"),
        ("dalbt", {"polcy": "inlier_band"}, r"^option: 'polcy' is not an option of 'dalbt'; .*'policy'\?$"),
        ("random", {"seed": 1}, r"^option: 'seed' is not an option of 'random'; strategy 'random' has no"),
        (
            "dalbt",
            {"policy": "inlier_bend"},
            r"^strategy.policy: 'inlier_bend' .*; did you mean 'inlier_band'\?$",
        ),
        (
            "dalbt",
            {"distance": "manhattan"},
            r"^strategy.distance: 'manhattan' .*allowed: euclidean, cosine, mahalanobis; did you mean",
        ),
        ("dalbt", {"inlier_share": 1.0}, r"^strategy.inlier_share: 1.0 must be below 1"),
        ("dalbt", {"inlier_share": float("nan")}, r"^strategy.inlier_share: nan must be finite"),
        ("mc_dropout", {"samples": -3}, r"^strategy.samples: -3 must be at least 1"),
        ("ensemble_varr", {"members": 0}, r"^strategy.members: 0 must be at least"),
    ],
)
def test_wrong_names_and_options_are_refused_in_one_line(
    name: str, options: dict[str, object], message: str
) -> None:
    """Field, value, what is allowed and the nearest match."""
    with pytest.raises(InputError, match=message):
        get_strategy(name, **options)
