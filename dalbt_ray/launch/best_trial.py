"""Which finished trial of a results folder is the best one: by validation images, never by test images."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dalbt_ray.errors import InputError
from dalbt_ray.results import load_manifests, load_results


def best_trial(results: str, filters: Sequence[str] = ()) -> str:
    """The id of the finished trial whose last round has the highest validation accuracy; of equals, the first id.

    Args:
        results: the results folder or URI.
        filters: `FIELD=VALUE`, such as `dataset=cifar10`; trials that say otherwise do not count.

    Raises:
        InputError: a field that no trial has, no trial left, several data sets or choices of classes, or no validation
            images.
    """
    loaded = load_results(results)
    trials = loaded.trials
    for each in filters:
        trials = trials[_says(trials, each)]
    if trials.empty:
        asked = f"match {' '.join(filters)}" if filters else "are finished"
        raise InputError("results", results, f"has no trials that {asked}")
    sets = sorted(set(trials["dataset"]))
    if len(sets) > 1:
        problem = f"holds trials of {', '.join(sets)}, whose accuracies say nothing of each other"
        raise InputError("results", results, problem, remedy=f"say which: --best dataset={sets[0]}")
    _refuse_several_tasks(results, trials)
    rounds = loaded.rounds[loaded.rounds["trial_id"].isin(trials.index)]
    last = rounds.sort_values("round").groupby("trial_id")[["validation_accuracy"]].tail(1)
    accuracies = last["validation_accuracy"].dropna()
    if accuracies.empty:
        problem = "has no validation accuracies to choose by (splits.validation_size=0?)"
        raise InputError("results", results, problem, remedy="name a trial by its id")
    found = rounds.loc[accuracies[accuracies == accuracies.max()].index, "trial_id"]
    return str(found.min())


def _says(trials: pd.DataFrame, each: str) -> "pd.Series[bool]":
    name, given, value = each.partition("=")
    if not given or name not in trials.columns:
        raise InputError(
            "best", each, "is not FIELD=VALUE with a field of these trials", allowed=trials.columns
        )
    return trials[name].map(lambda entry: _is(entry, value)).astype(bool)


def _is(entry: Any, typed: str) -> bool:
    """Whether an entry is what was typed: its text, or a value as `--set` takes it, such as `true`, or `1` for 1.0."""
    entry = entry.item() if isinstance(entry, np.generic) else entry
    if str(entry) == typed:
        return True
    try:
        value = json.loads(typed)
    except ValueError:
        return False
    numbers = isinstance(entry, int | float) and isinstance(value, int | float)
    return numbers and isinstance(entry, bool) == isinstance(value, bool) and entry == value


def _refuse_several_tasks(results: str, trials: pd.DataFrame) -> None:
    """Two of the classes are easier to tell apart than five: the best trial would be one that learned few."""
    if not {"splits.known_classes", "splits.known_names"} & set(trials.columns):
        return
    manifests = load_manifests(results)
    learned = {
        tuple(manifests[str(trial_id)].get("data", {}).get("known_classes") or ())
        for trial_id in trials.index
    }
    if len(learned) > 1:
        problem = (
            f"has trials of {len(learned)} choices of classes, whose accuracies say nothing of each other"
        )
        remedy = f"say which: --best seed={trials['seed'].iloc[0]}, for example, or name a trial by its id"
        raise InputError("results", results, problem, remedy=remedy)
