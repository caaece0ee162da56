"""Committed rounds of invented trials, for the tests of the results folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dalbt_ray.results import ResultsStore, tables, trial_id

Record = dict[str, Any]


def record(round_index: int, *, last: bool = False, budget: int = 3, host: str = "host") -> Record:
    """One round as the round loop commits it; `host` stands for what differs from run to run."""
    row = {
        "dataset": "mnist",
        "ood": "",
        "strategy": "random",
        "objective": "joint",
        "variant": "",
        "network_id": "0f0f0f0f",
        "budget": budget,
        "seed": 0,
        "round": round_index,
        "n_labeled": 10 + budget * round_index,
        "n_unlabeled": 100 - budget * round_index,
        "n_bought": budget * round_index,
        "n_ood_bought": 0,
        "n_repeat": 0,
        "purity": 1.0 if round_index else None,
        "cumulative_purity": 1.0 if round_index else None,
        "pool_ood_share": 0.0,
        "ood_auroc": None,
        "labeled_sha256": "0123456789abcdef",
        "status": "ok",
        "note": "",
        "test_accuracy": 0.5 + 0.01 * round_index,
        "test_nll": 1.25,
        "test_ece": 0.0625,
        "train_accuracy": 1.0,
        "validation_accuracy": 0.5,
        "train_loss": 0.1,
        "steps": 40,
    }
    picks = [
        {
            "rank": rank,
            "row": rank,
            "sample_id": 7 * rank,
            "source": "mnist",
            "is_ood": False,
            "label": 3,
            "score": 0.5,
        }
        for rank in range(budget)
    ]
    timing = {
        "train_seconds": 1.0,
        "auxiliary_seconds": 0.0,
        "score_seconds": 0.5,
        "select_seconds": 0.25,
        "evaluate_seconds": 0.25,
        "total_seconds": 2.0,
        "host": host,
        "device": "cpu",
        "threads": 1,
        "peak_memory_mib": 300.0,
        "started_utc": "2026-01-01T00:00:00+00:00",
    }
    query = (
        None
        if last
        else {"picks": picks, "n_repeat": 0, "note": "", "pool_ood_share": 0.0, "ood_auroc": None}
    )
    return {"row": row, "query": query, "timing": timing}


def records(rounds: int = 3, *, host: str = "host", budget: int = 3) -> list[Record]:
    """All rounds of a trial."""
    return [record(index, last=index == rounds - 1, host=host, budget=budget) for index in range(rounds)]


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A folder in memory where there is such a thing: a thousand crashes with fsync wear a disk for nothing."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield otherwise
        return
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def identity(number: int) -> str:
    """The id of invented trial `number`."""
    return trial_id({"seed": number}, "data", 1)


def run_trial(store: ResultsStore, number: int, rounds: int = 3) -> str:
    """What a trial does with the store: continue its journal, commit each round, publish; its id."""
    name, planned = identity(number), records(rounds)
    journal = store.journal(name)
    done = journal.rounds()
    for index in range(len(done), rounds):
        journal.commit(index, planned[index])
        done.append(planned[index])
    store.publish(name, {"config": {"seed": number}}, **tables(name, done))
    return name
