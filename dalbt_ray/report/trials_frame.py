"""Stand-in until `load_results` returns `trials`: the configurations of manifests as one frame. To be deleted then."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

SAME = ["dataset", "ood", "budget", "strategy", "objective", "network_id"]
OF_JOINT = ("self_supervised_weight", "redundancy_weight", "self_supervised_data")


@dataclass(frozen=True)
class Loaded:
    """The four frames."""

    rounds: pd.DataFrame
    selections: pd.DataFrame
    timings: pd.DataFrame
    trials: pd.DataFrame


def trials_frame(rounds: pd.DataFrame, manifests: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per trial; a running one takes the configuration of a finished one that trains the same network."""
    heads = rounds.drop_duplicates("trial_id").set_index("trial_id")
    configs: dict[str, dict[str, Any]] = {
        name: flattened(each["config"]) for name, each in manifests.items() if name in heads.index
    }
    alike = {tuple(heads.at[name, key] for key in SAME): config for name, config in configs.items()}
    rows = {}
    for name, head in zip(map(str, heads.index), heads.to_dict("records"), strict=True):
        known: dict[str, Any] = configs.get(name) or alike.get(tuple(head[key] for key in SAME)) or {}
        rows[name] = {
            **known,
            **{key: head[key] for key in ("dataset", "ood", "budget", "seed")},
            "strategy.name": head["strategy"],
            "objective.name": head["objective"],
            "status": manifests[name]["status"] if name in manifests else "running",
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame["rounds_done"] = rounds.groupby("trial_id")["round"].max()
    return frame


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`, with the objective's options where they will be."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    if not prefix and "objective" in flat:
        objective = flat["objective.name"] = flat.pop("objective")
        for name in OF_JOINT:
            value = flat.pop(f"training.{name}", None)
            if objective == "joint":
                flat[f"objective.{name}"] = value
    return flat
