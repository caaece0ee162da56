"""Synthetic frames with the columns of a real sweep, so that the report can be tested without training."""

from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from dalbt_ray.report.study import Study, prepare

Row = dict[str, Any]

METHODS = [
    ("dalbt", "joint", 0.055),
    ("random", "joint", 0.02),
    ("random", "supervised", 0.0),
    ("entropy", "supervised", 0.02),
    ("margin", "supervised", 0.025),
    ("least_confidence", "supervised", 0.015),
    ("core_set", "supervised", 0.01),
]


TWO = [("dalbt", "joint", 0.05), ("random", "joint", 0.0)]


@dataclass(frozen=True)
class Sweep:
    """What a made-up sweep contains: settings x methods x seeds, `last_round` rounds after round 0."""

    settings: list[tuple[str, str, int]] = field(
        default_factory=lambda: [("fashion_mini", "", 100), ("fashion_mini", "kmnist_mini", 100)]
    )
    methods: list[tuple[Any, ...]] = field(
        default_factory=lambda: METHODS
    )  # strategy, objective, gain[, options]
    seeds: int = 3
    last_round: int = 5
    initial: int = 100
    in_distribution_pool: int = 2000
    ood_pool: int = 500


@dataclass(frozen=True)
class Frames:
    """The four frames of `load_results`."""

    rounds: pd.DataFrame
    selections: pd.DataFrame
    timings: pd.DataFrame
    trials: pd.DataFrame


def make_study(sweep: Sweep | None = None, seed: int = 0) -> Study:
    """`make_frames`, prepared."""
    return prepare(make_frames(sweep, seed))


def study_of(frames: Frames, **changes: pd.DataFrame) -> Study:
    """`frames`, prepared, with some of them replaced."""
    return prepare(replace(frames, **changes))


def two_methods(seeds: int = 4, last_round: int = 4, seed: int = 0) -> Frames:
    """Dalbt and random in one setting."""
    return make_frames(Sweep([("mnist", "", 100)], TWO, seeds=seeds, last_round=last_round), seed)


def make_frames(sweep: Sweep | None = None, seed: int = 0) -> Frames:
    """Frames of a finished sweep: saturating curves, a known gain per method, noise shared within a seed."""
    sweep = sweep or Sweep()
    rng = np.random.default_rng(seed)
    tables: dict[str, list[Row]] = {"rounds": [], "selections": [], "timings": []}
    trials: dict[str, Row] = {}
    for dataset, ood, budget in sweep.settings:
        shared = rng.normal(0, 0.01, size=sweep.seeds)
        start = {key: rng.normal(0, 0.004) for key in product(range(sweep.seeds), ("joint", "supervised"))}
        for (strategy, objective, gain, *options), trial_seed in product(sweep.methods, range(sweep.seeds)):
            names = {
                "dataset": dataset,
                "ood": ood,
                "strategy": strategy,
                "objective": objective,
            }
            names |= {"budget": budget, "seed": trial_seed, "network_id": _network(objective, *options)}
            noise = [start[trial_seed, objective], *rng.normal(0, 0.006, size=sweep.last_round)]
            level = [0.02 if objective == "joint" else 0.0] + [gain] * sweep.last_round
            accuracy_shift = np.array(noise) + level + shared[trial_seed]
            trial = _trial(sweep, names, accuracy_shift, rng)
            for table, rows in trial.items():
                tables[table] += [{"trial_id": f"{len(trials):016x}", **row} for row in rows]
            trials[f"{len(trials):016x}"] = _config(sweep, names, *options)
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    optional = ["purity", "cumulative_purity", "pool_ood_share", "ood_auroc", "detector_auroc"]
    frames["rounds"][optional] = frames["rounds"][optional].astype("float64")
    return Frames(**frames, trials=pd.DataFrame.from_dict(trials, orient="index").rename_axis("trial_id"))


def _network(objective: str, options: Row | None = None) -> str:
    """Equal where the same network is trained."""
    trained = {name: value for name, value in (options or {}).items() if not name.startswith("strategy.")}
    return f"net-{objective}{trained or ''}"


def _config(sweep: Sweep, names: Row, options: Row | None = None) -> Row:
    """The row of `trials`: a trial's configuration, flattened."""
    own = {"objective.self_supervised_weight": 0.001} if names["objective"] == "joint" else {}
    return {
        **{name: names[name] for name in ("dataset", "ood", "budget", "seed")},
        "ood_policy": "return",
        "rounds": sweep.last_round,
        "strategy.name": names["strategy"],
        "objective.name": names["objective"],
        **own,
        "encoder.name": "lenet",
        "encoder.latent_dim": 60,
        "network.dropout": 0.0,
        "network.projector": [128, 128],
        "training.epochs": 20,
        "training.min_steps": 0,
        "splits.initial_size": sweep.initial,
        "status": "ok",
        "rounds_done": sweep.last_round,
        **(options or {}),
    }


def _trial(
    sweep: Sweep, names: Row, accuracy_shift: "np.ndarray", rng: np.random.Generator
) -> dict[str, list[Row]]:
    """The rows of one trial. OOD images return to the pool and are not offered again."""
    budget, ood, is_random = int(names["budget"]), names["ood"], names["strategy"] == "random"
    own = rng.permutation(sweep.in_distribution_pool)
    ood_ids = sweep.in_distribution_pool + rng.permutation(sweep.ood_pool if ood else 0)
    tables: dict[str, list[Row]] = {"rounds": [], "selections": [], "timings": []}
    gained = wasted = 0
    for r in range(sweep.last_round + 1):
        query: Row = dict.fromkeys(
            ("purity", "cumulative_purity", "pool_ood_share", "ood_auroc", "detector_auroc")
        )
        if r:
            in_distribution_left, ood_left = sweep.in_distribution_pool - gained, len(ood_ids) - wasted
            n_ood = int(rng.hypergeometric(ood_left, in_distribution_left, budget)) if ood_left else 0
            n_ood = n_ood if is_random else n_ood // 3
            ids = np.concatenate([own[gained : gained + budget - n_ood], ood_ids[wasted : wasted + n_ood]])
            gained, wasted = gained + budget - n_ood, wasted + n_ood
            for rank, sample in enumerate(rng.permutation(ids)):
                is_ood = bool(sample >= sweep.in_distribution_pool)
                tables["selections"].append(
                    {
                        "round": r,
                        "rank": rank,
                        "sample_id": int(sample),
                        "source": ood if is_ood else names["dataset"],
                        "is_ood": is_ood,
                        "label": -1 if is_ood else int(sample) % 10,
                        "score": None if is_random else float(budget - rank),
                        "row": int(sample),
                    }
                )
            query = {
                "purity": 1 - n_ood / budget,
                "cumulative_purity": 1 - wasted / (gained + wasted),
                "pool_ood_share": len(ood_ids) / (len(ood_ids) + in_distribution_left),
                "ood_auroc": None if is_random or not ood else 0.3,
                "detector_auroc": None if is_random or not ood else 0.5 + 0.05 * r,
            }
        n_labeled = sweep.initial + gained
        accuracy = 0.9 - 0.45 * (max(1, n_labeled) / 100) ** -0.6 + accuracy_shift[r]
        tables["rounds"].append(
            {
                **names,
                "round": r,
                "n_labeled": n_labeled,
                "n_bought": gained + wasted,
                "n_ood_bought": wasted,
                **query,
                "test_accuracy": accuracy,
                "test_nll": 2.2 * (1 - accuracy),
                "test_ece": 0.3 * (1 - accuracy),
                "train_accuracy": min(1.0, accuracy + 0.15),
                "status": "ok",
                "note": "",
                "n_unlabeled": sweep.in_distribution_pool - gained + len(ood_ids),
                "n_repeat": 0,
                "validation_accuracy": accuracy,
                "train_loss": 1 - accuracy,
                "steps": 200,
                "converged": True,
                "test_recall": [accuracy] * 10,
                "test_confusion": list((100 * accuracy * np.eye(10) + 100 * (1 - accuracy) / 10).ravel()),
                "labeled_sha256": f"seed {names['seed']}" if r == 0 else "later",
            }
        )
        parts = {"train": 4.0 + r, "auxiliary": 0.0, "score": 0.5, "select": 0.1, "evaluate": 0.4}
        tables["timings"].append(
            {
                "round": r,
                **{f"{part}_seconds": seconds for part, seconds in parts.items()},
                "total_seconds": sum(parts.values()) + 0.2,
                "host": "machine",
                "device": "cpu",
                "threads": 1,
                "peak_memory_mib": 700.0,
                "started_utc": "2026-01-01T00:00:00+00:00",
            }
        )
    return tables
