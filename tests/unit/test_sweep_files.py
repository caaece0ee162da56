"""Every sweep file still builds its trials: a strategy or policy that joins the package must not break one."""

from importlib import import_module
from inspect import getmembers, isfunction, signature
from pkgutil import iter_modules
from typing import Any, get_type_hints

import pytest

import sweeps
from dalbt_ray import Trial


def _presets() -> list[Any]:
    """The functions of all sweep files that take nothing and return trials, by file and name."""
    found = []
    for file in iter_modules(sweeps.__path__):
        module = import_module(f"sweeps.{file.name}")
        for name, function in getmembers(module, isfunction):
            own = function.__module__ == module.__name__ and not signature(function).parameters
            if own and get_type_hints(function).get("return") == list[Trial]:
                found.append(pytest.param(function, id=f"{file.name}.{name}"))
    return found


@pytest.mark.parametrize("preset", _presets())
def test_a_preset_builds_distinct_trials(preset: Any) -> None:
    """What a trial refuses is refused here, and no two trials of a preset are the same."""
    trials = preset()
    assert trials
    assert len(set(trials)) == len(trials)


def test_dalbts_policies_are_told_apart_in_mixed_pools() -> None:
    """5 policies and 3 other methods, 2 OOD sets, 5 seeds, as the sweep file says."""
    trials = import_module("sweeps.mixed_pool").mixed_pool()
    assert len(trials) == 8 * 2 * 5
    assert len({trial.strategy for trial in trials}) == 8
