"""The trials of a results folder as one pandas frame: what each of them is, by column, and how far it is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd


def trial_frame(trials: Mapping[str, tuple[Mapping[str, Any], str, int]]) -> pd.DataFrame:
    """One row a trial, indexed by `trial_id` and sorted by it.

    Args:
        trials: configuration, status and number of rounds by trial id.
    """
    keys = sorted(trials)
    flat = [dict(flattened(trials[key][0])) for key in keys]
    names = dict.fromkeys(name for entries in flat for name in entries)
    columns = {name: _column([entries.get(name) for entries in flat]) for name in names}
    columns["status"] = pd.array([trials[key][1] for key in keys], dtype="str")
    columns["rounds_done"] = pd.array([trials[key][2] for key in keys], dtype="int64")
    return pd.DataFrame(columns, index=pd.Index(keys, name="trial_id", dtype="str"))


def flattened(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of a configuration with their paths: `("training.epochs", 20)`. A list is given as JSON text."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", json.dumps(value) if isinstance(value, list | tuple) else value


def _column(values: list[Any]) -> Any:
    """The values in a type of which a missing one does not change anything, as it would make a float of an int."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pd.array(values, dtype="boolean")
    if kinds == {int}:
        return pd.array(values, dtype="Int64")
    if kinds and kinds <= {int, float}:
        return pd.array(values, dtype="Float64")
    return pd.array(values, dtype="str" if kinds == {str} else "object")
