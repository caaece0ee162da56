"""The registry of strategies: names and options, right and wrong."""

import dataclasses
from typing import get_args

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.strategies import STRATEGIES, Method, Strategy, get_strategy
from dalbt_ray.strategies.dalbt import Dalbt


def test_the_union_is_the_registry() -> None:
    """Every member of the union is a frozen dataclass of its own name, reachable by it."""
    assert list(STRATEGIES.values()) == list(get_args(Strategy))
    assert len(STRATEGIES) == len(get_args(Strategy))
    for name, method in STRATEGIES.items():
        strategy = get_strategy(name)
        assert isinstance(strategy, method)
        assert isinstance(strategy, Method)
        assert method.__dataclass_params__.frozen  # type: ignore[union-attr]
        assert strategy == get_strategy(name)


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
