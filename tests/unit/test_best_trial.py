"""Which of the trials `dalbt export` may take for the best one, and how they are named on its command line."""

from pathlib import Path
from typing import Any

import pytest

from dalbt_ray.errors import InputError
from dalbt_ray.launch.best_trial import best_trial
from tests.results_records import identity, opened, records


def folder(root: Path, trials: list[tuple[dict[str, Any], list[str]]]) -> str:
    """Finished trials with these configurations and known classes."""
    store = opened(root)
    for number, (config, known) in enumerate(trials):
        manifest = {
            "status": "ok",
            "config": {"dataset": "own", "seed": number, **config},
            "data": {"known_classes": known},
        }
        store.publish(identity(number), manifest, records(2))
    return str(root)


def test_trials_that_learn_different_classes_are_told_apart_first(tmp_path: Path) -> None:
    """Fewer classes are easier, so no accuracy says which is best; a filter or one choice of classes does."""
    split, whole = {"splits": {"known_classes": 2}}, {"splits": {"known_classes": None}}
    trials = [(split, ["a", "b"]), (split, ["a", "c"]), (whole, ["a", "b", "c"])]
    results = folder(tmp_path / "several", trials)
    with pytest.raises(
        InputError, match=r"trials of 3 choices of classes, .* --best seed=.*, or name a trial"
    ):
        best_trial(results)
    with pytest.raises(InputError, match="trials of 2 choices of classes"):
        best_trial(results, ["splits.known_classes=2"])
    assert best_trial(results, ["seed=1"]) == identity(1)
    alike = folder(tmp_path / "alike", [(split, ["a", "b"])] * 2)
    assert best_trial(alike) == min(identity(0), identity(1))


@pytest.mark.parametrize(
    "typed",
    [
        "strategy.power=2",
        "strategy.power=2.0",
        "training.outlier_class=true",
        "training.outlier_class=True",
        "budget=20",
    ],
)
def test_a_filter_is_typed_as_an_option_is_set(tmp_path: Path, typed: str) -> None:
    """As its text, or as `--set` takes it."""
    configs = [
        {
            "budget": budget,
            "strategy": {"name": "mine", "power": power},
            "training": {"outlier_class": outliers},
        }
        for budget, power, outliers in ((10, 1.0, False), (20, 2.0, True))
    ]
    results = folder(tmp_path / "r", [(config, ["a", "b"]) for config in configs])
    assert best_trial(results, [typed]) == identity(1)


def test_a_number_is_no_truth(tmp_path: Path) -> None:
    """`1` is not `true`, nor the other way round."""
    results = folder(tmp_path / "r", [({"budget": 1, "training": {"outlier_class": True}}, ["a", "b"])])
    for typed in ("budget=true", "training.outlier_class=1"):
        with pytest.raises(InputError, match="has no trials that match"):
            best_trial(results, [typed])
