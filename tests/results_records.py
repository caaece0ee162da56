"""Committed rounds of invented trials, for the tests of the results folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dalbt_ray.results import Acquired, Query, Record, ResultsStore, RoundRow, Timing, trial_id
from dalbt_ray.results.records import Measure
from dalbt_ray.results.storage.sealed import VERSION, seal, unseal


def record(
    round_index: int, *, status: str = "ok", budget: int = 3, host: str = "host", **measures: Measure
) -> Record:
    """One round as the round loop commits it; `host` stands for what differs from run to run."""
    row = RoundRow(
        dataset="mnist",
        ood="",
        strategy="random",
        objective="joint",
        network_id="0f0f0f0f",
        budget=budget,
        seed=0,
        round=round_index,
        n_labeled=10 + budget * round_index,
        n_unlabeled=100 - budget * round_index,
        n_bought=budget * round_index,
        n_ood_bought=0,
        n_repeat=0,
        purity=1.0 if round_index else None,
        cumulative_purity=1.0 if round_index else None,
        pool_ood_share=0.0 if round_index else None,
        ood_auroc=None,
        labeled_sha256="0123456789abcdef",
        status=status,
        note="as agreed" if round_index else "",
        train_accuracy=1.0,
        validation_accuracy=0.5,
        train_loss=0.1,
        steps=40,
        measures={
            "test_accuracy": 0.5 + 0.01 * round_index,
            "test_nll": 1.25,
            "test_ece": 0.0625,
            **measures,
        },
    )
    acquired = tuple(
        Acquired(
            rank=rank,
            row=budget * round_index + rank,
            sample_id=7 * (budget * round_index + rank),
            source="mnist",
            is_ood=False,
            label=3,
            score=0.5,
        )
        for rank in range(budget)
    )
    timing = Timing(
        train_seconds=1.0,
        auxiliary_seconds=0.0,
        score_seconds=0.5,
        select_seconds=0.25,
        evaluate_seconds=0.25,
        total_seconds=2.0,
        host=host,
        device="cpu",
        threads=1,
        peak_memory_mib=300.0,
        started_utc="2026-01-01T00:00:00+00:00",
    )
    query = Query(acquired=acquired, pool_ood_share=0.0, note="as agreed") if status == "ok" else None
    return Record(row=row, query=query, timing=timing)


def changed(committed: Record, **measures: Measure) -> Record:
    """The same round with other measures."""
    return replace(committed, row=replace(committed.row, measures={**committed.row.measures, **measures}))


def records(rounds: int = 3, *, host: str = "host", budget: int = 3) -> list[Record]:
    """The first rounds of a trial, of which there may always be more."""
    return [record(index, host=host, budget=budget) for index in range(rounds)]


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


def config(number: int, rounds: int) -> dict[str, Any]:
    """The configuration of invented trial `number`."""
    return {
        "seed": number,
        "rounds": rounds - 1,
        "strategy": {"name": "random"},
        "splits": {"initial_size": 10, "pool_size": None},
        "views": {"blur": [1.0, 0.1]},
    }


def run_trial(store: ResultsStore, number: int, rounds: int = 3) -> str:
    """What a trial does with the store: continue what is there, commit each round, publish; its id."""
    name, planned = identity(number), records(rounds)
    published = store.published(name)
    if published is not None and published.rounds < rounds:
        store.reopen(name)
    journal = store.journal(name)
    journal.begin(config(number, rounds))
    done = journal.rounds()
    for index in range(len(done), rounds):
        journal.commit(index, planned[index])
        done.append(planned[index])
    store.publish(name, {"status": "ok", "config": config(number, rounds)}, done)
    return name


def three_trials(folder: Path) -> Path:
    """A results folder of three finished trials with 2, 3 and 4 rounds."""
    store = ResultsStore(folder)
    store.create_or_open({"sweep": "bundle"})
    for number in range(3):
        run_trial(store, number, rounds=2 + number)
    return folder


def rewrite(file: Path, kind: str, change: dict[str, Any], *, version: int = VERSION) -> None:
    """Change entries of a sealed file and seal it again, as a program of format version `version` would."""
    old = seal(kind, unseal(kind, file.read_bytes()) | change)
    body = old.replace(b'"version": 1', f'"version": {version}'.encode(), 1)
    body = body[: body.rindex(b',\n"sha256"')]
    file.write_bytes(body + f',\n"sha256": "{sha256(body).hexdigest()}"\n}}\n'.encode())


def opened(root: Path) -> ResultsStore:
    """A new results folder."""
    store = ResultsStore(root)
    store.create_or_open({"sweep": "test"})
    return store


def file_hashes(root: Path) -> dict[str, str]:
    """SHA-256 of every file by name."""
    return {
        str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
